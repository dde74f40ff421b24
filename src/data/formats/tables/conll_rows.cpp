#include "conll_rows.h"

#include <algorithm>

#include "reading.h"

namespace relata::data {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view id_in_brackets(std::string_view line) {
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return "";
  return line.substr(open + 1, close - open - 1);
}

}  // namespace

bool has_only_space(std::string_view line) {
  return std::all_of(line.begin(), line.end(), is_space);
}

ConllRow split_conll_row(std::string_view line, size_t number) {
  ConllRow row;
  row.line = number;
  while (line.ends_with('\t')) line.remove_suffix(1);
  const bool tabs = line.find('\t') != std::string_view::npos;
  row.tabs = tabs;
  if (!tabs && line[0] == ' ') row.columns.push_back(" ");  // the token is a space
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(tabs ? '\t' : ' ', at), line.size());
    const std::string_view column = line.substr(at, end - at);
    if (tabs || !column.empty()) {
      row.columns.push_back(column.empty() && row.columns.empty() ? " " : column);
    }
    at = end + 1;
  }
  return row;
}

std::vector<ConllSentence> split_conll_sentences(std::string_view content) {
  std::vector<ConllSentence> sentences(1);
  const auto end_sentence = [&] {
    if (!sentences.back().rows.empty()) sentences.emplace_back();
  };
  Lines lines(content);
  for (std::string_view line; lines.next(line);) {
    while (line.starts_with(kMark)) line.remove_prefix(kMark.size());
    if (has_only_space(line)) {
      end_sentence();
    } else if (line.starts_with(kConllDocumentStart)) {
      end_sentence();
      sentences.back().begins_document = true;
      sentences.back().document_id = id_in_brackets(line);
    } else {
      sentences.back().rows.push_back(split_conll_row(line, lines.number()));
    }
  }
  if (sentences.back().rows.empty()) sentences.pop_back();
  return sentences;
}

}  // namespace relata::data
