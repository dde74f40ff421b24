#include "grounded/shape_rules.h"

#include <algorithm>
#include <functional>

#include "grounded/word_marks.h"
#include "relata/text/utf8.h"

namespace relata::generate {
namespace {

constexpr char kHint[] = "change the shape of the answer or the names in the schema";

Status check_choices(const FieldRules& field) {
  if (field.choices.empty()) return usage_error("an answer's field has no choices", kHint);
  for (const std::string& choice : field.choices) {
    if (choice.empty()) return usage_error("an answer's field has an empty choice", kHint);
    if (text::find_invalid_utf8(choice)) {
      return input_error(
          "a choice is not valid UTF-8: \"" + text::replace_invalid_utf8(choice) + "\"", kHint);
    }
    if (field.stops && !ends_where_follow_comes(choice, field.follow)) {
      return usage_error(
          "the choice \"" + choice + "\" holds what ends it in an answer, \"" + field.follow + "\"",
          kHint);
    }
  }
  return {};
}

bool is_known_choice(const FieldRules& field, std::string_view value) {
  return std::find(field.choices.begin(), field.choices.end(), value) != field.choices.end();
}

Status check_rules(const AnswerField& field, size_t before) {
  const bool good = std::all_of(field.unlike.begin(), field.unlike.end(),
                                [&](size_t other) { return other < before; }) &&
                    std::all_of(field.behind.begin(), field.behind.end(),
                                [&](const auto& rule) { return rule.first < before; }) &&
                    (field.behind.empty() || field.kind == AnswerField::Kind::Choice);
  if (good) return {};
  return usage_error("an answer's field has a rule about a field that does not come before it",
                     kHint);
}

Status add_field(const AnswerField& field, ShapeRules& rules) {
  if (field.kind == AnswerField::Kind::Literal) {
    (rules.fields.empty() ? rules.lead : rules.fields.back().follow) += field.text;
    return {};
  }
  if (!rules.fields.empty() && rules.fields.back().follow.empty()) {
    return usage_error("an answer's fields follow each other without a literal between them",
                       kHint);
  }
  RELATA_CHECK(check_rules(field, rules.fields.size()));
  FieldRules added;
  added.kind = field.kind;
  added.choices = field.choices;
  added.never = field.never;
  added.unlike = field.unlike;
  added.behind = field.behind;
  for (auto& [other, lists] : added.behind) {
    for (auto& [value, list] : lists) {
      std::erase_if(list, [&](const std::string& text) { return !is_known_choice(added, text); });
      std::sort(list.begin(), list.end());
    }
  }
  rules.fields.push_back(std::move(added));
  return {};
}

bool may_be_span(std::string_view value) {
  if (value.empty() || text::find_invalid_utf8(value)) return false;
  const std::u32string points = text::to_code_points(value);
  return std::none_of(points.begin(), points.end(), is_line_break);
}

class AnswerReader {
 public:
  AnswerReader(const ShapeRules& rules, std::string_view text) : rules_(rules), text_(text) {}

  // One item; false where the text is none. `more_` says whether a separator came after it.
  bool read_item(std::vector<std::string>& values) {
    if (!text_.substr(at_).starts_with(rules_.lead)) return false;
    at_ += rules_.lead.size();
    for (size_t i = 0; i < rules_.fields.size(); ++i) {
      if (!read_value(rules_.fields[i], i + 1 == rules_.fields.size(), values)) return false;
    }
    return true;
  }
  bool more() const { return more_; }

 private:
  bool read_value(const FieldRules& field, bool last, std::vector<std::string>& values) {
    size_t end = field.stops ? text_.find(field.follow, at_) : std::string_view::npos;
    size_t next = end + field.follow.size();
    if (end == std::string_view::npos) {
      const std::string_view close = std::string_view(field.follow).substr(0, field.own);
      if (!last || text_.size() < at_ + close.size() || !text_.ends_with(close)) return false;
      end = text_.size() - close.size();
      next = text_.size();
      more_ = false;
    } else if (last) {
      more_ = true;
    }
    const std::string_view value = text_.substr(at_, end - at_);
    const bool good = field.kind == AnswerField::Kind::Choice ? is_known_choice(field, value)
                                                              : may_be_span(value);
    if (!good || !may_stand(field, values, value)) return false;
    values.emplace_back(value);
    at_ = next;
    return true;
  }

  const ShapeRules& rules_;
  std::string_view text_;
  size_t at_ = 0;
  bool more_ = false;
};

}  // namespace

bool may_stand(const FieldRules& field, const std::vector<std::string>& before,
               std::string_view value) {
  if (std::find(field.never.begin(), field.never.end(), value) != field.never.end()) return false;
  if (std::any_of(field.unlike.begin(), field.unlike.end(),
                  [&](size_t other) { return before[other] == value; })) {
    return false;
  }
  return std::all_of(field.behind.begin(), field.behind.end(), [&](const auto& rule) {
    const auto& [other, lists] = rule;
    const auto list = lists.find(before[other]);
    return list == lists.end() ||
           std::binary_search(list->second.begin(), list->second.end(), value, std::less<>());
  });
}

bool ends_where_follow_comes(std::string_view value, std::string_view follow) {
  std::string text(value);
  text += follow;
  return text.find(follow) == value.size();
}

Result<ShapeRules> read_shape(const AnswerShape& shape) {
  ShapeRules rules;
  for (const AnswerField& field : shape.item) RELATA_CHECK(add_field(field, rules));
  if (rules.fields.empty()) {
    return usage_error("an answer's item has neither a choice nor a span", kHint);
  }
  FieldRules& last = rules.fields.back();
  last.own = last.follow.size();
  last.stops = shape.max_items != 1;
  if (last.stops) {
    if (shape.separator.empty()) {
      return usage_error("an answer of several items has no separator", kHint);
    }
    last.follow += shape.separator;
  }
  if (shape.max_items < 0) return usage_error("an answer's max_items is negative", kHint);
  for (const FieldRules& field : rules.fields) {
    if (field.kind == AnswerField::Kind::Choice) RELATA_CHECK(check_choices(field));
  }
  rules.nothing = shape.nothing;
  rules.max_items = shape.max_items;
  rules.distinct = shape.distinct;
  return rules;
}

Result<std::vector<std::vector<std::string>>> parse_answer_items(const AnswerShape& shape,
                                                                 std::string_view text) {
  RELATA_TRY(const ShapeRules rules, read_shape(shape));
  std::vector<std::vector<std::string>> items;
  if (text.empty() || text == rules.nothing) return items;
  AnswerReader reader(rules, text);
  int count = 0;
  do {
    std::vector<std::string> values;
    if (!reader.read_item(values) || (rules.max_items > 0 && ++count > rules.max_items)) {
      return input_error("item " + std::to_string(items.size() + 1) + " of the answer \"" +
                             text::replace_invalid_utf8(text) + "\" is not of its shape",
                         "decode with the constraint, or ask for the answer's form in the prompt");
    }
    if (std::find(items.begin(), items.end(), values) == items.end()) {
      items.push_back(std::move(values));
    }
  } while (reader.more());
  return items;
}

}  // namespace relata::generate
