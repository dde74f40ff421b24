// The visible text of an HTML page.
#pragma once

#include <string>
#include <string_view>

namespace relata::data {

struct PaperText {
  std::string text;   // paragraphs with an empty line between them
  std::string title;  // "" when the file states none
};

// Reads what is there, well-formed or not, as far as a reader would see it: scripts, styles,
// comments and hidden elements are dropped, references decoded, white space as a browser shows it
// (kept in <pre>). Block elements are paragraphs, <br> is a line break, cells of a table are set
// apart by a tab. End tags that HTML lets out are implied. In XHTML, which a page can say itself or
// `is_xhtml` does, <script/> is a whole element. `html` is valid UTF-8. Cost: O(bytes).
PaperText html_text(std::string_view html, bool is_xhtml = false);

}  // namespace relata::data
