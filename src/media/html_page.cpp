#include "media/html_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace physgen {
namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e8eaed); --faint: light-dark(#6b7280, #9aa0a6);
  --line: light-dark(#e3e6ea, #3a3d42); --good: #1f9d63; --bad: #d64545;
  --curve-0: light-dark(#0969da, #58a6ff); --curve-1: light-dark(#bc4c00, #f0883e); --curve-2: light-dark(#1a7f37, #3fb950); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 62rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.percent { font-size: 2.6rem; font-weight: 650; } .faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th, td.name { overflow-wrap: break-word; } td.whole { white-space: nowrap; }
@media (max-width: 40rem) { table.rows { display: block; overflow-x: auto; } table.rows td, table.rows th { white-space: nowrap; } }
.good { color: var(--good); } .bad { color: var(--bad); }
code { font: 13px ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 0; } video { width: 100%; }
img { max-width: 100%; image-rendering: pixelated; }
svg { width: 100%; max-width: 52rem; } svg text { fill: var(--ink); font-size: 13px; }
svg .line { fill: var(--line); } svg .rate { fill: var(--good); } svg path { stroke: var(--ink); fill: none; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: .6rem 2rem; }
svg .grid { stroke: var(--line); } svg .curve { stroke-width: 2; stroke-linejoin: round; } svg .number { fill: var(--faint); }
svg .curve-0 { stroke: var(--curve-0); } svg .curve-1 { stroke: var(--curve-1); } svg .curve-2 { stroke: var(--curve-2); }
)css";

}  // namespace

std::string html_text(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

std::string with_spaces(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string short_number(double number) {
  return std::abs(number) >= 1000 && std::abs(number) < 1e15 ? fmt::format("{:.0f}", number)
                                                             : fmt::format("{:.4g}", number);
}

std::string html_of(const std::vector<HtmlFact>& facts) {
  std::string table = "<table>";
  for (const auto& [name, value] : facts) {
    if (!value.empty()) table += fmt::format("<tr><td>{}<td><code>{}</code></tr>\n", html_text(name), html_text(value));
  }
  return table + "</table>\n";
}

std::string html_page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">"
      "<title>{}</title><style>{}</style>\n{}</html>\n",
      html_text(title), kStyle, body);
}

}  // namespace physgen
