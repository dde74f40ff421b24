// The lines of a file with one token a line, cut into columns and sentences.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace relata::data {

constexpr std::string_view kConllDocumentStart = "-DOCSTART-";

struct ConllRow {
  std::vector<std::string_view> columns;  // one at least
  size_t line = 0;
  bool tabs = false;  // between the columns

  std::string_view first() const { return columns.front(); }
  std::string_view last() const { return columns.back(); }
};

struct ConllSentence {
  std::vector<ConllRow> rows;
  bool begins_document = false;
  std::string_view document_id;  // of a document that begins here
};

bool has_only_space(std::string_view line);
// The columns of a line that is not blank; tabs behind the last do not count.
ConllRow split_conll_row(std::string_view line, size_t number);
// Cut at blank lines and at -DOCSTART-; views point into the content.
std::vector<ConllSentence> split_conll_sentences(std::string_view content);

}  // namespace relata::data
