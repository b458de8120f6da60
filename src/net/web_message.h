#pragma once

#include <string_view>
#include <vector>

namespace physgen {

/// One message of a websocket.
struct WebMessage {
  std::vector<char> bytes;
  bool text = false;
};

inline WebMessage web_message(std::string_view bytes, bool text = false) {
  return {{bytes.begin(), bytes.end()}, text};
}

}  // namespace physgen
