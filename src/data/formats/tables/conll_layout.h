// How a file with one token a line is laid out: which column has the tags, which the tokens, and
// what ends a sentence.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace relata::data {

constexpr std::string_view kConllDocumentStart = "-DOCSTART-";

struct ConllRow {
  std::string_view first;
  std::string_view second;
  std::string_view last;
  size_t columns = 0;
  size_t line = 0;
  bool tabs = false;  // between the columns
};

struct ConllSentence {
  std::vector<ConllRow> rows;
  bool begins_document = false;
  std::string_view document_id;  // of a document that begins here
};

// What the first column is, if not the tokens.
enum class ConllFirstColumn {
  kToken,
  kTokenNumber,     // 1, 2, 3, ..., by sentence or through the file
  kSentenceNumber,  // 1, 1, 1, 2, 2, ...
  kSentenceLabel,   // "Sentence: 1" at a sentence's first token, or at all of them
};

// How the whole file is to be read.
struct ConllLayout {
  bool tag_first = false;
  ConllFirstColumn first = ConllFirstColumn::kToken;
  bool positions = false;
  bool tight = false;                          // the script writes no spaces between tokens
  bool types_alone = false;                    // tags are "PER", not "B-PER"
  size_t columns = 0;                          // that most rows have
  bool tabs = false;                           // most rows have tabs
  std::unordered_set<std::string_view> types;  // where types stand alone

  bool token_second() const { return first != ConllFirstColumn::kToken; }
  std::string_view tag(const ConllRow& row) const { return tag_first ? row.first : row.last; }
  std::string_view raw_token(const ConllRow& row) const {
    return tag_first || token_second() ? row.second : row.first;
  }
  std::string_view token(const ConllRow& row) const;
  // A line that begins with # and is not of the form of the others; "# id" is one also among rows
  // of two columns, unless the last is a tag.
  bool is_comment(const ConllRow& row) const;
};

bool has_only_space(std::string_view line);
// The columns of a line that is not blank; tabs behind the last do not count.
ConllRow split_conll_row(std::string_view line, size_t number);
// Cut at blank lines and at -DOCSTART-; views point into the content.
std::vector<ConllSentence> split_conll_sentences(std::string_view content);
// What is so for nearly all rows; none if no column holds tags.
std::optional<ConllLayout> find_conll_layout(const std::vector<ConllSentence>& sentences);
// Cuts where the first column tells sentences apart and no blank lines do.
std::vector<ConllSentence> cut_conll_sentences(std::vector<ConllSentence> sentences,
                                               const ConllLayout& layout);

}  // namespace relata::data
