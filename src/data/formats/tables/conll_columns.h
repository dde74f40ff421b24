// What a column beside the tokens holds: numbers of tokens, numbers or labels of sentences, ids of
// documents.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "conll_rows.h"

namespace relata::data {

enum class ConllColumn {
  kOther,        // tokens, parts of speech, ...
  kTokenNumber,  // goes up from token to token: 1, 2, 3 from any number, with gaps, offsets
  kGroup,        // the same for some tokens: 1, 1, 2, "Sentence: 1", a document's id
};

// "12", "1.", "2-3", "8.1", "doc1", "Sentence: 4".
struct ConllNumber {
  std::string_view before;  // what stands before the number
  size_t value = 0;
  char mark = 0;      // - or . between two numbers, of which `value` is the first
  size_t second = 0;  // the other

  bool is_plain() const { return before.empty() && mark == 0; }
};
std::optional<ConllNumber> parse_conll_number(std::string_view text);

struct ConllColumnFinding {
  ConllColumn kind = ConllColumn::kOther;
  bool is_sure = false;      // so regular that it holds no tokens, whatever the others hold
  bool is_id = false;        // a group whose values look like ids, numbers or labels
  bool has_asides = false;   // plain numbers, among which CoNLL-U's "2-3" and "8.1" are no tokens'
  bool holds_words = false;  // kOther, and not one and the same all over
};
// Looks at the column `index` of all rows, which have no comments among them.
ConllColumnFinding look_at_column(const std::vector<std::vector<const ConllRow*>>& sentences,
                                  size_t index);

}  // namespace relata::data
