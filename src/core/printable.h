#pragma once

#include <string>
#include <string_view>

namespace physgen {

/// A text from elsewhere as a terminal may show it: control characters (but for line feeds), marks that turn the
/// direction of writing, and bytes that are no UTF-8 stand as \xNN or \uNNNN. Cut behind 4,000 bytes.
std::string printable(std::string_view text);

}  // namespace physgen
