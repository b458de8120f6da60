#include "telemetry.h"

#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace physgen {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                          0.1,    0.2,    0.5,   1,     2,     5,    10};

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const std::string& name,
                                                  const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

double resident_bytes() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

double open_descriptors() {
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  return static_cast<double>(std::distance(begin(descriptors), end(descriptors)) - 1);  // without the iterator's own
}

}  // namespace

Telemetry::Telemetry()
    : stages_(&prometheus::BuildHistogram()
                   .Name("physgen_stage_seconds")
                   .Help("Time of an observation's stages: queue, infer, and total from its last byte to its reply")
                   .Register(registry_)),
      queue_(&stages_->Add({{"stage", "queue"}}, kSeconds)),
      infer_(&stages_->Add({{"stage", "infer"}}, kSeconds)),
      total_(&stages_->Add({{"stage", "total"}}, kSeconds)),
      errors_(&counters(registry_, "physgen_errors_total", "Messages that were refused, by code")),
      refused_(&counters(registry_, "physgen_refused_total", "Connections that were refused, by reason")),
      policy_(&prometheus::BuildGauge()
                   .Name("physgen_policy")
                   .Help("Counts of the policy's own, since it was loaded")
                   .Register(registry_)),
      rounds_(&counters(registry_, "physgen_rounds_total", "Rounds that the policy has computed").Add({})),
      sessions_(&counters(registry_, "physgen_sessions_total", "Sessions that have begun").Add({})),
      open_(&gauge(registry_, "physgen_sessions", "Sessions that are open")),
      waiting_(&gauge(registry_, "physgen_queue", "Messages that wait for a computation")),
      memory_(&gauge(registry_, "process_resident_memory_bytes", "Resident memory")),
      descriptors_(&gauge(registry_, "process_open_fds", "Open file descriptors")) {}

void Telemetry::count_round(const RoundNotes& notes) {
  rounds_->Increment();
  queue_->Observe(notes.queue_ms / 1000);
  infer_->Observe(notes.infer_ms / 1000);
}

void Telemetry::count_reply(double milliseconds) { total_->Observe(milliseconds / 1000); }
void Telemetry::count_error(const std::string& code) { errors_->Add({{"code", code}}).Increment(); }
void Telemetry::count_refused(const std::string& why) { refused_->Add({{"reason", why}}).Increment(); }

std::string Telemetry::text(const Now& now) {
  open_->Set(static_cast<double>(now.sessions));
  waiting_->Set(static_cast<double>(now.waiting));
  memory_->Set(resident_bytes());
  descriptors_->Set(open_descriptors());
  for (const auto& [name, count] : now.counters) {
    policy_->Add({{"what", name}}).Set(static_cast<double>(count));
  }
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace physgen
