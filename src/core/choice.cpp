#include "physgen/core/choice.h"

#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {

void refuse_choice(const std::string& text, const std::vector<std::string>& choices, const std::string& what,
                   const std::string& where) {
  throw ConfigError({.what = what,
                     .where = where,
                     .got = "\"" + text + "\"",
                     .expected = "one of " + comma_separated(choices),
                     .next_step = suggestion(text, choices)});
}

}  // namespace physgen
