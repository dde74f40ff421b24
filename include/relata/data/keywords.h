// Names marked in a text, as RUIE's demonstrations have them (Liao et al. 2025, arXiv 2409.11673).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/data/document.h"

namespace relata::data {

// The marks around what is tagged.
inline constexpr std::string_view kKeywordBegin = "<Keyword>";
inline constexpr std::string_view kKeywordEnd = "</Keyword>";

struct Keyword {
  std::string name;
  std::optional<ByteRange> place;
};

// The valid UTF-8 `text` with "<Keyword> ... </Keyword>" around the keywords. A stated place is
// taken when it covers the keyword and no letter follows; letters of scripts that write a name and
// what follows it as one (Han, kana, Hangul, Thai) do not count. Else the first occurrence between
// word boundaries; a keyword found nowhere is left out. Overlapping keywords become one.
std::string tagged_text(const std::string& text, const std::vector<Keyword>& keywords);

}  // namespace relata::data
