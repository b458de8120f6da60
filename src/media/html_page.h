#pragma once

#include <string>
#include <vector>

namespace physgen {

/// Text, as HTML shows it letter by letter.
std::string html_text(const std::string& text);

/// A name of code as people read it: "action_error" is "action error".
std::string with_spaces(std::string name);

/// A number with four digits that count, or all before the point: "0.01235", "1.5e-07", "12345".
std::string short_number(double number);

/// What a page says of one thing: a name, and text in a typewriter's letters.
struct HtmlFact {
  std::string name;
  std::string value;  ///< empty: the fact is left out
};

/// A table of facts, a line each.
std::string html_of(const std::vector<HtmlFact>& facts);

/// A whole page, light or dark as its reader likes. It needs no network and holds no script.
/// @param body  HTML
std::string html_page(const std::string& title, const std::string& body);

}  // namespace physgen
