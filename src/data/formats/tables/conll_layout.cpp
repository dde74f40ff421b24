#include "conll_layout.h"

#include <algorithm>
#include <map>

#include "columns.h"
#include "ner_tags.h"
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

// A token with its place in its word behind it: "科0", "技1".
struct Positioned {
  std::string_view token;
  size_t position = 0;
};

std::optional<Positioned> split_position(std::string_view token) {
  if (token.empty() || text::find_invalid_utf8(token)) return std::nullopt;
  const size_t first = text::code_point_length(token, 0);
  size_t end = token.size();
  while (end > first && token[end - 1] >= '0' && token[end - 1] <= '9') --end;
  constexpr size_t kDigits = 4;
  if (end == token.size() || token.size() - end > kDigits) return std::nullopt;
  return Positioned{token.substr(0, end), std::stoul(std::string(token.substr(end)))};
}

bool is_han_or_kana(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x20000 && c <= 0x3FFFF);
}

// The number of "Sentence: 12", "sent_12", "#12"; none for other words.
std::optional<size_t> sentence_number(std::string_view label) {
  size_t digits = label.size();
  while (digits > 0 && label[digits - 1] >= '0' && label[digits - 1] <= '9') --digits;
  std::string word(label.substr(0, digits));
  while (!word.empty() && std::string_view(" :_-#.").find(word.back()) != std::string_view::npos) {
    word.pop_back();
  }
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const std::string_view known : {"sentence", "sent", "s", "segment", "seg", "line", "doc"}) {
    if (word == known) return whole_number(label.substr(digits));
  }
  return word.empty() && digits > 0 ? whole_number(label.substr(digits)) : std::nullopt;
}

// What is so for nearly all of the rows that have columns.
class LayoutFinder {
 public:
  explicit LayoutFinder(const std::vector<ConllSentence>& sentences) : sentences_(sentences) {}

  std::optional<ConllLayout> find() {
    count_columns();
    count_rows();
    layout_.tag_first = !is_tag_column(last_) && is_tag_column(first_);
    layout_.types_alone = !is_tag_column(last_) && !layout_.tag_first;
    if (layout_.types_alone && !has_types_alone()) return std::nullopt;
    if (!layout_.tag_first) layout_.first = first_column();
    count_tokens();
    layout_.positions = nearly_all(positioned_);
    layout_.tight = han_ * 2 > rows_;
    return layout_;
  }

 private:
  struct Column {
    size_t tags = 0;      // O, B-PER, ...
    size_t others = 0;    // than O
    size_t prefixed = 0;  // of these: tags with a type
  };

  bool nearly_all(size_t count) const { return rows_ > 0 && count * 50 >= rows_ * 49; }
  // A column with prefixed tags is one though some of them be wrong: those are named, not taken for
  // types.
  bool is_tag_column(const Column& column) const {
    return nearly_all(column.tags) ||
           (column.prefixed > 0 && column.prefixed * 2 >= column.others && column.tags * 2 > rows_);
  }

  void count_columns() {
    std::map<std::pair<size_t, bool>, size_t> forms;
    for (const ConllSentence& sentence : sentences_) {
      for (const ConllRow& row : sentence.rows) {
        if (row.columns > 1) ++forms[{row.columns, row.tabs}];
      }
    }
    size_t most = 0;
    for (const auto& [form, count] : forms) {
      if (count <= most) continue;
      most = count;
      layout_.columns = form.first;
      layout_.tabs = form.second;
    }
  }

  static void count_tag(std::string_view name, Column& column) {
    const auto tag = parse_ner_tag(name);
    column.tags += tag.has_value();
    column.others += name != "O";
    column.prefixed += tag && !tag->type.empty();
  }

  void count_rows() {
    std::optional<size_t> before;
    for (const ConllSentence& sentence : sentences_) {
      size_t at = 0;
      for (const ConllRow& row : sentence.rows) {
        if (row.columns < 2 || layout_.is_comment(row)) continue;
        ++rows_;
        count_tag(row.last, last_);
        count_tag(row.first, first_);
        if (row.columns > 2) count_number(row, at == 0, before);
        ++at;
      }
    }
  }

  void count_number(const ConllRow& row, bool begins_sentence, std::optional<size_t>& before) {
    const auto number = whole_number(row.first);
    const auto label = sentence_number(row.first);
    const bool blank = has_only_space(row.first);
    labelled_ += blank ? has_label_ : label.has_value();
    has_label_ |= label.has_value();
    if (!number) return;
    const bool restarts = *number <= 1 && (begins_sentence || !before || *number < *before);
    numbered_ += restarts || (before && *number == *before + 1);
    sentence_numbered_ +=
        !before || *number == *before + 1 || (*number == *before && !begins_sentence);
    repeated_ += before && *number == *before;
    before = number;
  }

  ConllFirstColumn first_column() const {
    if (nearly_all(numbered_)) return ConllFirstColumn::kTokenNumber;
    if (nearly_all(sentence_numbered_) && repeated_ > 0) return ConllFirstColumn::kSentenceNumber;
    return nearly_all(labelled_) && rows_ > 1 ? ConllFirstColumn::kSentenceLabel
                                              : ConllFirstColumn::kToken;
  }

  bool has_types_alone() {
    constexpr size_t kMostTypes = 200;
    std::unordered_set<std::string_view>& types = layout_.types;
    for (const ConllSentence& sentence : sentences_) {
      for (const ConllRow& row : sentence.rows) {
        if (row.columns > 1 && !layout_.is_comment(row)) types.insert(row.last);
        if (types.size() > kMostTypes) return false;
      }
    }
    return types.contains("O") && types.size() > 1;
  }

  void count_tokens() {
    for (const ConllSentence& sentence : sentences_) {
      size_t before = 0;
      for (const ConllRow& row : sentence.rows) {
        if (row.columns < 2 || layout_.is_comment(row)) continue;
        const std::string_view token = layout_.raw_token(row);
        if (token.empty() || text::find_invalid_utf8(token)) continue;
        han_ += is_han_or_kana(text::to_code_points(token)[0]);
        const auto split = split_position(token);
        positioned_ += split && (split->position == 0 || split->position == before + 1);
        before = split ? split->position : 0;
      }
    }
  }

  const std::vector<ConllSentence>& sentences_;
  ConllLayout layout_;
  Column last_;
  Column first_;
  size_t rows_ = 0;
  size_t numbered_ = 0;
  size_t sentence_numbered_ = 0;
  size_t repeated_ = 0;
  size_t labelled_ = 0;
  bool has_label_ = false;
  size_t han_ = 0;
  size_t positioned_ = 0;
};

}  // namespace

std::string_view ConllLayout::token(const ConllRow& row) const {
  const std::string_view raw = raw_token(row);
  if (!positions) return raw;
  const auto split = split_position(raw);
  return split ? split->token : raw;
}

bool ConllLayout::is_comment(const ConllRow& row) const {
  if (!row.first.starts_with("#")) return false;
  if (row.columns != columns || row.tabs != tabs) return true;
  return row.first == "#" && !row.tabs && !parse_ner_tag(tag(row));
}

bool has_only_space(std::string_view line) {
  return std::all_of(line.begin(), line.end(), is_space);
}

ConllRow split_conll_row(std::string_view line, size_t number) {
  ConllRow row;
  row.line = number;
  while (line.ends_with('\t')) line.remove_suffix(1);
  const bool tabs = line.find('\t') != std::string_view::npos;
  row.tabs = tabs;
  const auto add = [&](std::string_view column) {
    if (row.columns == 0) row.first = column;
    if (row.columns == 1) row.second = column;
    row.last = column;
    ++row.columns;
  };
  if (!tabs && line[0] == ' ') add(" ");  // the token is a space
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(tabs ? '\t' : ' ', at), line.size());
    const std::string_view column = line.substr(at, end - at);
    if (tabs || !column.empty()) add(column.empty() && row.columns == 0 ? " " : column);
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

std::optional<ConllLayout> find_conll_layout(const std::vector<ConllSentence>& sentences) {
  return LayoutFinder(sentences).find();
}

std::vector<ConllSentence> cut_conll_sentences(std::vector<ConllSentence> sentences,
                                               const ConllLayout& layout) {
  if (!layout.token_second()) return sentences;
  std::vector<ConllSentence> out;
  for (ConllSentence& sentence : sentences) {
    std::optional<size_t> before;
    std::vector<ConllRow> rows = std::move(sentence.rows);
    sentence.rows.clear();
    out.push_back(std::move(sentence));
    for (const ConllRow& row : rows) {
      const auto number = layout.first == ConllFirstColumn::kSentenceLabel
                              ? sentence_number(row.first)
                              : whole_number(row.first);
      const bool comment = layout.is_comment(row) || row.columns < 2;
      const bool begins = layout.first == ConllFirstColumn::kTokenNumber
                              ? number && before && *number <= *before
                              : number && before && *number != *before;
      if (begins && !comment) out.emplace_back();
      if (number && !comment) before = number;
      out.back().rows.push_back(row);
    }
  }
  return out;
}

}  // namespace relata::data
