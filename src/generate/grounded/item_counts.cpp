#include "grounded/item_counts.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace relata::generate {
namespace {

uint64_t saturated_product(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return 0;
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  return a > kMost / b ? kMost : a * b;
}

bool holds(const TextTree& texts, std::string_view text) {
  TextTree::Place place = texts.root();
  return std::all_of(text.begin(), text.end(),
                     [&](char byte) { return texts.step(place, static_cast<uint8_t>(byte)); }) &&
         texts.is_end(place);
}

void add_texts(const TextTree& texts, TextTree::Place place, std::vector<std::string>& out) {
  while (true) {
    if (texts.is_end(place)) out.emplace_back(texts.text(place));
    if (texts.at_branch(place)) break;
    ++place.offset;
  }
  const uint32_t first = texts.first_child(place.node);
  for (uint32_t child = first; child < first + texts.child_count(place.node); ++child) {
    add_texts(texts, {child, 1}, out);
  }
}

// The texts that a rule names whatever stands before, and those that stand there.
std::vector<std::string> named_texts(const FieldRules& field,
                                     const std::vector<std::string>& before) {
  std::vector<std::string> out = field.never;
  for (const size_t other : field.unlike) out.push_back(before[other]);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<std::string> with(const std::vector<std::string>& values, const std::string& value) {
  std::vector<std::string> out = values;
  out.push_back(value);
  return out;
}

}  // namespace

ItemCounts::ItemCounts(std::vector<FieldRules> fields,
                       std::vector<std::shared_ptr<const TextTree>> texts)
    : fields_(std::move(fields)),
      texts_(std::move(texts)),
      plain_(fields_.size() + 1, 1),
      least_(fields_.size() + 1, 1),
      has_rules_(fields_.size() + 1, false) {
  for (size_t i = fields_.size(); i-- > 0;) {
    std::sort(fields_[i].choices.begin(), fields_[i].choices.end());
    plain_[i] = saturated_product(plain_[i + 1], texts_[i]->count(texts_[i]->root()));
    least_[i] = saturated_product(least_[i + 1], least_count_of(i));
    has_rules_[i] = has_rules_[i + 1] || fields_[i].has_rules();
  }
  if (has_rules_[1] && least_[1] < kMany && fields_.size() > 2) {
    for (const std::string& text : texts_of(0, {})) behind_first_[text] = count_of(1, {text});
  }
  items_ = count_of(0, {});
}

// Never more than count_of(), whatever stands before.
uint64_t ItemCounts::least_count_of(size_t field) const {
  const FieldRules& rules = fields_[field];
  uint64_t count = texts_[field]->count(texts_[field]->root());
  if (rules.behind.size() > 1) return 0;
  for (const auto& [other, lists] : rules.behind) {
    for (const auto& [value, list] : lists) count = std::min<uint64_t>(count, list.size());
  }
  const uint64_t named = rules.never.size() + rules.unlike.size();
  return count > named ? count - named : 0;
}

// Sorted.
std::vector<std::string> ItemCounts::texts_of(size_t field,
                                              const std::vector<std::string>& before) const {
  const FieldRules& rules = fields_[field];
  std::vector<std::string> out = rules.choices;
  if (rules.kind == AnswerField::Kind::Span) {
    add_texts(*texts_[field], texts_[field]->root(), out);
  }
  std::erase_if(out, [&](const std::string& text) { return !may_stand(rules, before, text); });
  return out;
}

uint64_t ItemCounts::count_of(size_t field, const std::vector<std::string>& before) const {
  if (!has_rules_[field]) return plain_[field];
  if (field == 1 && !behind_first_.empty()) {
    const auto known = behind_first_.find(before[0]);
    if (known != behind_first_.end()) return known->second;
  }
  const FieldRules& rules = fields_[field];
  if (!has_rules_[field + 1]) {
    uint64_t own = 0;
    if (rules.kind == AnswerField::Kind::Choice) {
      own = texts_of(field, before).size();
    } else {
      const std::vector<std::string> named = named_texts(rules, before);
      own = texts_[field]->count(texts_[field]->root()) -
            static_cast<uint64_t>(std::count_if(
                named.begin(), named.end(),
                [&](const std::string& text) { return holds(*texts_[field], text); }));
    }
    return saturated_product(own, plain_[field + 1]);
  }
  if (least_[field] >= kMany) return least_[field];
  uint64_t sum = 0;
  for (const std::string& text : texts_of(field, before)) {
    sum += std::min(count_of(field + 1, with(before, text)), kMany);
    if (sum >= kMany) break;
  }
  return sum;
}

uint64_t ItemCounts::completions(const std::vector<std::string>& values) const {
  return values.size() == fields_.size() ? 1 : count_of(values.size(), values);
}

std::vector<std::string> ItemCounts::barred(size_t field,
                                            const std::vector<std::string>& before) const {
  std::vector<std::string> out;
  if (!has_rules_[field]) return out;
  const FieldRules& rules = fields_[field];
  const bool may_be_stuck = has_rules_[field + 1] && least_[field + 1] == 0;
  if (rules.kind == AnswerField::Kind::Span && !may_be_stuck) {
    out = named_texts(rules, before);
    std::erase_if(out, [&](const std::string& text) { return !holds(*texts_[field], text); });
    return out;
  }
  std::vector<std::string> all = rules.choices;
  if (rules.kind == AnswerField::Kind::Span) {
    add_texts(*texts_[field], texts_[field]->root(), all);
  }
  for (std::string& text : all) {
    const bool good =
        may_stand(rules, before, text) && (!may_be_stuck || completions(with(before, text)) > 0);
    if (!good) out.push_back(std::move(text));
  }
  return out;
}

}  // namespace relata::generate
