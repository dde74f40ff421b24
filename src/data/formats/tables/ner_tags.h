// Tags of column files for named entities, and the spans that a sentence's tags make.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relata::data {

enum class TagScheme {
  kIob2,   // B begins every entity
  kIob1,   // I begins an entity; B only one that follows another of its type
  kIobes,  // also E (or L) for the last token and S (or U) for an entity of one; I may be M
  kIo,     // the type alone
};

struct NerTag {
  char prefix = 'O';      // B, I, E, S or O
  std::string_view type;  // "" for O and for tags without a type
};

// "B-PER", "I_LOC", "O", "S"; none for anything else. L, U and M become E, S and I.
std::optional<NerTag> parse_ner_tag(std::string_view tag);

// The scheme that all sentences' tags follow best.
TagScheme detect_scheme(const std::vector<std::vector<NerTag>>& sentences);

struct NerSpan {
  size_t begin = 0;  // tokens, half-open
  size_t end = 0;
  std::string_view type;
};

struct NerSpans {
  std::vector<NerSpan> spans;
  // Tokens whose tag cannot follow the one before it: it begins an entity all the same, as in the
  // conlleval program, or ends one that had no end.
  std::vector<size_t> repaired;
};
NerSpans decode_ner(const std::vector<NerTag>& tags, TagScheme scheme);

}  // namespace relata::data
