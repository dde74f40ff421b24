#include "conll_columns.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "columns.h"

namespace relata::data {
namespace {

constexpr std::string_view kDigits = "0123456789";

// Whether the word before a number says that it counts sentences: "Sentence: 12", "sent_12", "#12".
bool is_sentence_label(const ConllNumber& number) {
  if (number.mark != 0 || number.before.empty()) return false;
  std::string word(number.before);
  while (!word.empty() && std::string_view(" :_-#.").find(word.back()) != std::string_view::npos) {
    word.pop_back();
  }
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const std::string_view known :
       {"", "sentence", "sent", "s", "segment", "seg", "line", "doc"}) {
    if (word == known) return true;
  }
  return false;
}

bool has_letter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) > 0x7F;
  });
}

// Counts for how many rows each kind would be right.
class ColumnCount {
 public:
  ColumnCount(const std::vector<std::vector<const ConllRow*>>& sentences, size_t index)
      : sentences_(sentences), index_(index) {}

  ConllColumnFinding find() {
    each([&](std::string_view text, bool) { count_values(text); });
    has_asides_ = plain_ * 2 > rows_;
    each([&](std::string_view text, bool begins_sentence) { count_steps(text, begins_sentence); });
    ConllColumnFinding finding;
    finding.has_asides = has_asides_;
    if (nearly_all(regular_)) {
      finding = {ConllColumn::kTokenNumber, true, true, has_asides_, false};
    } else if (nearly_all(rising_) && rises_ > 0 && repeated_ == 0) {
      finding = {ConllColumn::kTokenNumber, false, true, has_asides_, false};
    } else if (nearly_all(labelled_) && rows_ > 1) {
      finding = {ConllColumn::kGroup, true, true, has_asides_, false};
    } else if (nearly_all(grouped_) && repeated_ > 0) {
      finding = {ConllColumn::kGroup, nearly_all(counted_), true, has_asides_, false};
    } else if (nearly_all(rising_) && rises_ * 2 > rows_) {
      finding = {ConllColumn::kTokenNumber, false, true, has_asides_, false};
    } else if (is_constant_by_runs()) {
      constexpr size_t kLongRun = 4;
      const bool is_id = with_digit_ == values_.size() || rows_ >= kLongRun * runs_;
      finding = {ConllColumn::kGroup, false, is_id, false, false};
    } else {
      finding.holds_words = lettered_ * 2 >= rows_ && values_.size() > 1;
    }
    return finding;
  }

 private:
  template <class Visit>
  void each(Visit&& visit) {
    for (const auto& rows : sentences_) {
      bool begins_sentence = true;
      for (const ConllRow* row : rows) {
        if (row->columns.size() <= index_) continue;
        visit(row->columns[index_], begins_sentence);
        begins_sentence = false;
      }
    }
  }

  bool nearly_all(size_t count) const { return rows_ > 0 && count * 50 >= rows_ * 49; }
  // Every value stands in one run of rows, of two on average at least.
  bool is_constant_by_runs() const {
    return runs_ > 0 && runs_ == values_.size() && rows_ > 1 && rows_ >= 2 * runs_;
  }

  void count_values(std::string_view text) {
    ++rows_;
    const auto number = parse_conll_number(text);
    plain_ += number && number->is_plain();
    lettered_ += has_letter(text);
    if (has_only_space(text)) return;
    runs_ += text != run_;
    run_ = text;
    if (values_.insert(text).second) {
      with_digit_ += text.find_first_of(kDigits) != std::string_view::npos;
    }
  }

  void count_steps(std::string_view text, bool begins_sentence) {
    const auto number = parse_conll_number(text);
    const bool labelled = number && is_sentence_label(*number);
    has_label_ |= labelled || (number && number->is_plain());
    const bool blank_behind_label = has_label_ && has_only_space(text);
    labelled_ += labelled || blank_behind_label;
    grouped_ += blank_behind_label;
    counted_ += blank_behind_label;
    repeated_ += blank_behind_label;
    if (!number) return;
    if (has_asides_ && number->mark != 0 && number->before.empty()) {
      ++regular_;
      ++rising_;
      ++grouped_;
      ++counted_;
      return;
    }
    if (!first_) first_ = number;
    const bool follows = before_ && before_->before == number->before;
    const bool same = follows && number->value == before_->value;
    const bool rises = follows && number->value > before_->value;
    const bool next = follows && number->value == before_->value + 1;
    const bool restarts = !before_ || begins_sentence || !follows || number->value <= first_->value;
    const bool from_start = number->is_plain() && number->value <= 1 &&
                            (begins_sentence || !before_ || number->value < before_->value);
    regular_ += from_start || (next && number->is_plain());
    rising_ += rises || (restarts && (!same || begins_sentence));
    rises_ += rises;
    grouped_ += same || rises || restarts;
    counted_ += number->is_plain() && (!before_ || next || (same && !begins_sentence));
    repeated_ += same && !begins_sentence;
    changes_ += before_ && !follows;
    before_ = number;
    // Words with a number behind them have ever another word before it.
    if (changes_ * 2 > rows_) rising_ = grouped_ = counted_ = 0;
  }

  const std::vector<std::vector<const ConllRow*>>& sentences_;
  size_t index_;
  size_t rows_ = 0;
  size_t plain_ = 0;
  size_t lettered_ = 0;
  size_t runs_ = 0;
  std::string_view run_;
  std::unordered_set<std::string_view> values_;
  size_t with_digit_ = 0;  // of them
  bool has_asides_ = false;
  bool has_label_ = false;
  std::optional<ConllNumber> first_;
  std::optional<ConllNumber> before_;
  size_t labelled_ = 0;  // sentences' labels, or nothing behind one
  size_t regular_ = 0;   // counts tokens by one, from 0 or 1
  size_t rising_ = 0;    // goes up, or begins again
  size_t rises_ = 0;
  size_t grouped_ = 0;  // goes up or stays
  size_t counted_ = 0;  // goes up by one or stays
  size_t repeated_ = 0;
  size_t changes_ = 0;  // of what stands before the number
};

}  // namespace

std::optional<ConllNumber> parse_conll_number(std::string_view text) {
  if (text.starts_with('(') || text.starts_with('[')) text.remove_prefix(1);
  if (!text.empty() && std::string_view(".:)]").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  const size_t begin = text.find_last_not_of(kDigits) + 1;
  const auto last = whole_number(text.substr(begin));
  if (!last) return std::nullopt;
  const std::string_view before = text.substr(0, begin);
  if (before.ends_with('-') || before.ends_with('.')) {
    const auto first = whole_number(before.substr(0, before.size() - 1));
    if (first) return ConllNumber{"", *first, before.back(), *last};
  }
  return ConllNumber{before, *last, 0, 0};
}

ConllColumnFinding look_at_column(const std::vector<std::vector<const ConllRow*>>& sentences,
                                  size_t index) {
  return ColumnCount(sentences, index).find();
}

}  // namespace relata::data
