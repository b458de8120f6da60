#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

#include "serve/request.h"

namespace physgen {

/// What is counted and timed, for Prometheus. Safe to use from several threads.
class Telemetry {
 public:
  Telemetry();

  void count_round(const RoundNotes& notes);
  void count_reply(double milliseconds);
  void count_error(const std::string& code);
  void count_session() { sessions_->Increment(); }
  void count_refused(const std::string& why);

  /// What is so at the moment.
  struct Now {
    int64_t sessions = 0, waiting = 0;
    std::map<std::string, int64_t> counters = {};  ///< of the policy's own
  };
  /// In Prometheus' text format.
  std::string text(const Now& now);

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Histogram>* stages_;
  prometheus::Histogram *queue_, *infer_, *total_;
  prometheus::Family<prometheus::Counter>*errors_, *refused_;
  prometheus::Family<prometheus::Gauge>* policy_;
  prometheus::Counter *rounds_, *sessions_;
  prometheus::Gauge *open_, *waiting_, *memory_, *descriptors_;
};

}  // namespace physgen
