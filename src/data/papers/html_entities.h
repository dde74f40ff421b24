// Character references of HTML: &eacute; &#233; &#xE9;
#pragma once

#include <string>
#include <string_view>

namespace relata::data {

// Appends what the reference at the beginning of `text`, which begins with "&", stands for. Returns
// how many bytes it takes; 0, and appends nothing, when it is none. Knows the names of HTML 4 and
// HTML's for European letters and punctuation, the oldest without semicolon too ("&copy2020");
// numbers as HTML reads them: 128 to 159 are windows-1252's, impossible ones U+FFFD.
size_t append_reference(std::string_view text, std::string& out);

}  // namespace relata::data
