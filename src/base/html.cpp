#include "relata/base/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace relata {
namespace {

constexpr std::string_view kCommonStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1b1f24; --soft: #57606a;
  --line: #d8dee4; --track: #e7ebef; --bar: #2f6fd0; --strong: #1a7f5a; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1216; --card: #181c22; --text: #e6e9ee;
  --soft: #9aa4b0; --line: #2d343d; --track: #2a313a; --bar: #6ea3f0; --strong: #4cc295;
  --wrong: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); line-height: 1.5;
  font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
p { margin: .25rem 0; }
.soft, small { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem; text-align: left; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; }
.number { text-align: right; white-space: nowrap; }
td svg { display: inline-block; vertical-align: middle; margin-left: .5rem; }
.track { fill: var(--track); } .bar { fill: var(--bar); }
)css";

// Controls, which HTML and SVG have no way to write.
bool is_unwritable(char c) {
  return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (is_unwritable(c)) {
          out += "\uFFFD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string html_page(std::string_view title, std::string_view style, std::string_view body) {
  const std::string escaped = escape_html(title);
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += fmt::format("<title>{}</title>\n<style>{}{}</style>\n</head>\n", escaped, kCommonStyle,
                     style);
  out += fmt::format("<body>\n<main>\n<h1>{}</h1>\n", escaped);
  out += body;
  return out + "</main>\n</body>\n</html>\n";
}

std::string html_bar(double fraction, std::string_view name) {
  const double width = std::isnan(fraction) ? 0 : 80 * std::clamp(fraction, 0.0, 1.0);
  return fmt::format(
      "<svg width=\"80\" height=\"8\" aria-hidden=\"true\"><rect class=\"track\" width=\"80\" "
      "height=\"8\" rx=\"4\"/><rect class=\"{}\" width=\"{:.1f}\" height=\"8\" rx=\"4\"/></svg>",
      name, width);
}

}  // namespace relata
