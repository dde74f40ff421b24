// How a file with one token a line is laid out: which column has the tags, which the tokens, and
// what ends a sentence.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "conll_columns.h"
#include "conll_rows.h"

namespace relata::data {

// A column before the tokens that is passed over.
struct ConllPassedColumn {
  size_t index = 0;
  ConllColumn kind = ConllColumn::kTokenNumber;
  bool has_asides = false;
};

// How the whole file is to be read.
struct ConllLayout {
  bool tag_first = false;
  size_t token_column = 0;
  std::vector<ConllPassedColumn> passed;  // before it
  bool positions = false;
  bool tight = false;                          // the script writes no spaces between tokens
  bool types_alone = false;                    // tags are "PER", not "B-PER"
  size_t columns = 0;                          // that most rows have
  bool tabs = false;                           // most rows have tabs
  std::unordered_set<std::string_view> types;  // where types stand alone
  // Numbers, from 1, of columns with tags of entities that are not read: an outer or a predicted
  // layer. Tags of phrases, which CoNLL-2003 has, are none.
  std::vector<size_t> unread_tags;

  size_t least_columns() const { return token_column + (tag_first ? 1 : 2); }
  std::string_view tag(const ConllRow& row) const { return tag_first ? row.first() : row.last(); }
  std::string_view raw_token(const ConllRow& row) const {
    return row.columns.size() > token_column ? row.columns[token_column] : row.last();
  }
  std::string_view token(const ConllRow& row) const;
  // A line that begins with # and is not of the form of the others; "# id" is one also among rows
  // of two columns, unless the last is a tag.
  bool is_comment(const ConllRow& row) const;
};

// What is so for nearly all rows; none if no column holds tags.
std::optional<ConllLayout> find_conll_layout(const std::vector<ConllSentence>& sentences);
// What CoNLL-U states between the tokens: a word of several ("2-3 im") stays in the place of its
// parts, with their first tag where it has none of its own; words that were not written ("8.1") go.
void fold_conll_words(std::vector<ConllSentence>& sentences, const ConllLayout& layout);
// Cuts where a column before the tokens tells sentences apart and no blank lines do.
std::vector<ConllSentence> cut_conll_sentences(std::vector<ConllSentence> sentences,
                                               const ConllLayout& layout);

}  // namespace relata::data
