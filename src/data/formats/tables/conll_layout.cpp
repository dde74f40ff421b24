#include "conll_layout.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "ner_tags.h"
#include "relata/text/utf8.h"

namespace relata::data {
namespace {

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

// A row of CoNLL-U that is no token of its own, and states no tag.
bool is_aside_without_tag(const ConllRow& row) {
  const auto number = parse_conll_number(row.first());
  return row.last() == "_" && number && number->mark != 0;
}

// Whether the type is one of phrases, as in the chunks of CoNLL-2000 and -2003.
bool is_phrase(std::string_view type) {
  constexpr std::string_view kPhrases[] = {"NP",    "VP",   "PP",  "ADVP", "SBAR", "ADJP", "PRT",
                                           "CONJP", "INTJ", "LST", "UCP",  "NC",   "PC",   "VC"};
  return std::find(std::begin(kPhrases), std::end(kPhrases), type) != std::end(kPhrases);
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
    find_token_column();
    find_unread_tags();
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
        if (row.columns.size() > 1) ++forms[{row.columns.size(), row.tabs}];
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
    for (const ConllSentence& sentence : sentences_) {
      std::vector<const ConllRow*>& rows = rows_by_sentence_.emplace_back();
      for (const ConllRow& row : sentence.rows) {
        if (row.columns.size() < 2 || layout_.is_comment(row)) continue;
        rows.push_back(&row);
        if (is_aside_without_tag(row)) continue;
        ++rows_;
        count_tag(row.last(), last_);
        count_tag(row.first(), first_);
      }
    }
  }

  // Behind the columns that number the tokens or tell sentences and documents apart, as long as
  // one of words comes behind them.
  void find_token_column() {
    const size_t begin = layout_.tag_first ? 1 : 0;
    const size_t end = layout_.columns - (layout_.tag_first ? 0 : 1);
    size_t at = begin;
    std::vector<ConllColumnFinding> found;
    if (end > begin + 1) {
      for (size_t i = begin; i < end; ++i) found.push_back(look_at_column(rows_by_sentence_, i));
    }
    for (; at + 1 < end; ++at) {
      const ConllColumnFinding& column = found[at - begin];
      const auto behind = found.begin() + static_cast<std::ptrdiff_t>(at - begin + 1);
      const bool words = std::any_of(
          behind, found.end(), [](const ConllColumnFinding& other) { return other.holds_words; });
      const bool is_id = column.is_id || behind->kind != ConllColumn::kOther;
      if (column.kind == ConllColumn::kOther) break;
      if (!(words && is_id) && !(column.is_sure && at == begin)) break;
      layout_.passed.push_back({at, column.kind, column.has_asides});
    }
    layout_.token_column = at;
  }

  void find_unread_tags() {
    const size_t end = layout_.columns - (layout_.tag_first ? 0 : 1);
    for (size_t i = layout_.token_column + 1; i < end; ++i) {
      Column column;
      bool phrases = true;
      for (const auto& rows : rows_by_sentence_) {
        for (const ConllRow* row : rows) {
          if (row->columns.size() != layout_.columns) continue;
          count_tag(row->columns[i], column);
          const auto tag = parse_ner_tag(row->columns[i]);
          phrases = phrases && (!tag || tag->type.empty() || is_phrase(tag->type));
        }
      }
      if (column.prefixed > 0 && !phrases && is_tag_column(column)) {
        layout_.unread_tags.push_back(i + 1);
      }
    }
  }

  bool has_types_alone() {
    constexpr size_t kMostTypes = 200;
    std::unordered_set<std::string_view>& types = layout_.types;
    for (const ConllSentence& sentence : sentences_) {
      for (const ConllRow& row : sentence.rows) {
        if (row.columns.size() > 1 && !layout_.is_comment(row)) types.insert(row.last());
        if (types.size() > kMostTypes) return false;
      }
    }
    return types.contains("O") && types.size() > 1;
  }

  void count_tokens() {
    for (const ConllSentence& sentence : sentences_) {
      size_t before = 0;
      for (const ConllRow& row : sentence.rows) {
        if (row.columns.size() < 2 || layout_.is_comment(row)) continue;
        const std::string_view token = layout_.raw_token(row);
        if (token.empty() || text::find_invalid_utf8(token)) continue;
        han_ += text::is_spaceless(text::to_code_points(token)[0]);
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
  std::vector<std::vector<const ConllRow*>> rows_by_sentence_;
  size_t rows_ = 0;
  size_t han_ = 0;
  size_t positioned_ = 0;
};

// Whether a row begins a sentence, as a column tells.
class SentenceStarts {
 public:
  explicit SentenceStarts(ConllPassedColumn column) : column_(column) {}

  bool next(const ConllRow& row) {
    const std::string_view text = row.columns[column_.index];
    if (has_only_space(text)) return false;
    const auto number = parse_conll_number(text);
    bool begins = false;
    if (column_.kind == ConllColumn::kTokenNumber) {
      if (!number) return false;
      begins = before_ && (number->before != before_->before || number->value <= before_->value);
    } else if (number && before_) {
      begins = number->before != before_->before || number->value != before_->value;
    } else {
      begins = !text_.empty() && text != text_;
    }
    before_ = number;
    text_ = text;
    return begins;
  }

 private:
  ConllPassedColumn column_;
  std::optional<ConllNumber> before_;
  std::string_view text_;
};

// The tag becomes the first other than O of the rows that the word stands for, if it has none.
void take_tag(const ConllLayout& layout, const ConllRow& part, ConllRow& word) {
  std::string_view& tag = layout.tag_first ? word.columns.front() : word.columns.back();
  if (tag == "_" || tag.empty() || (tag == "O" && layout.tag(part) != "_")) tag = layout.tag(part);
}

void fold_words(const ConllLayout& layout, size_t column, std::vector<ConllRow>& rows) {
  std::vector<ConllRow> kept;
  size_t next_part = 1;
  size_t last_part = 0;  // of the word kept last; 0 if it has no parts
  for (ConllRow& row : rows) {
    const bool whole = row.columns.size() == layout.columns && !layout.is_comment(row);
    const auto number = whole ? parse_conll_number(row.columns[column]) : std::nullopt;
    if (number && number->before.empty() && number->mark == '.') continue;
    if (number && number->is_plain() && number->value == next_part && next_part <= last_part) {
      take_tag(layout, row, kept.back());
      ++next_part;
      continue;
    }
    const bool is_word = number && number->before.empty() && number->mark == '-';
    next_part = is_word ? number->value : 1;
    last_part = is_word ? number->second : 0;
    kept.push_back(std::move(row));
  }
  rows = std::move(kept);
}

}  // namespace

std::string_view ConllLayout::token(const ConllRow& row) const {
  const std::string_view raw = raw_token(row);
  if (!positions) return raw;
  const auto split = split_position(raw);
  return split ? split->token : raw;
}

bool ConllLayout::is_comment(const ConllRow& row) const {
  if (!row.first().starts_with("#")) return false;
  if (row.columns.size() != columns || row.tabs != tabs) return true;
  return row.first() == "#" && !row.tabs && !parse_ner_tag(tag(row));
}

std::optional<ConllLayout> find_conll_layout(const std::vector<ConllSentence>& sentences) {
  return LayoutFinder(sentences).find();
}

void fold_conll_words(std::vector<ConllSentence>& sentences, const ConllLayout& layout) {
  for (const ConllPassedColumn& column : layout.passed) {
    if (!column.has_asides || column.kind != ConllColumn::kTokenNumber) continue;
    for (ConllSentence& sentence : sentences) fold_words(layout, column.index, sentence.rows);
  }
}

std::vector<ConllSentence> cut_conll_sentences(std::vector<ConllSentence> sentences,
                                               const ConllLayout& layout) {
  if (layout.passed.empty()) return sentences;
  std::vector<ConllSentence> out;
  for (ConllSentence& sentence : sentences) {
    std::vector<SentenceStarts> columns(layout.passed.begin(), layout.passed.end());
    std::vector<ConllRow> rows = std::move(sentence.rows);
    sentence.rows.clear();
    out.push_back(std::move(sentence));
    for (ConllRow& row : rows) {
      bool begins = false;
      if (row.columns.size() > layout.token_column && !layout.is_comment(row)) {
        for (SentenceStarts& column : columns) begins |= column.next(row);
      }
      if (begins) out.emplace_back();
      out.back().rows.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace relata::data
