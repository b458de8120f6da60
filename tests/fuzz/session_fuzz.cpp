#include <spdlog/spdlog.h>

#include "serve/fake_policy.h"
#include "serve/session.h"

namespace physgen {
namespace {

const std::shared_ptr<const ObservationKeys>& keys() {
  static const auto keys =
      std::make_shared<const ObservationKeys>(fake_description(), std::map<std::string, std::string>());
  return keys;
}

/// What a client says at first, and once more.
void talk(const uint8_t* data, size_t size) {
  Session session(fake_policy(), keys(), {}, [](const SessionEvent&) { return nullptr; });
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (int times = 0; times < 2; ++times) session.receive(web_message(bytes), {});
}

}  // namespace
}  // namespace physgen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spdlog::set_level(spdlog::level::off);
  physgen::talk(data, size);
  return 0;
}
