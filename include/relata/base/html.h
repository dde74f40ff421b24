// Self-contained HTML pages: no script, no font, image or style from elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace relata {

// For text and for attribute values in either kind of quotes; also right in SVG. Controls, which
// neither can write, become U+FFFD.
std::string escape_html(std::string_view text);

// A whole page in relata's style (light and dark). `title` is text; `style` is CSS that follows the
// common rules; `body` is HTML, put below the title.
// The common rules know: p.soft and small; .card; .scroll around tables; .number cells; the colours
// --page --card --text --soft --line --track --bar --strong --wrong.
std::string html_page(std::string_view title, std::string_view style, std::string_view body);

// A bar of `fraction` (cut to [0, 1]; nothing for NaN) of 80 pixels. The number must stand beside
// it: screen readers skip the drawing. `name` is the filled part's class.
std::string html_bar(double fraction, std::string_view name = "bar");

}  // namespace relata
