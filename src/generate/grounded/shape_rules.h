// What an AnswerShape says, checked, in the form that answers are made and parsed by.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "relata/generate/grounded.h"

namespace relata::generate {

// A choice or a span and what comes after it.
struct FieldRules {
  AnswerField::Kind kind = AnswerField::Kind::Span;
  std::vector<std::string> choices;
  // The literal up to the next field; after the last field, the item's end and the separator.
  std::string follow;
  size_t own = 0;     // how many bytes of `follow` belong to the item
  bool stops = true;  // a value ends where `follow` first comes; false: it ends with the answer
  // Of AnswerField; the lists sorted, and of choices only.
  std::vector<std::string> never;
  std::vector<size_t> unlike;
  std::map<size_t, std::map<std::string, std::vector<std::string>>> behind;

  bool has_rules() const { return !never.empty() || !unlike.empty() || !behind.empty(); }
};

// Whether the rules let the field have this value behind those of the fields before it.
bool may_stand(const FieldRules& field, const std::vector<std::string>& before,
               std::string_view value);

struct ShapeRules {
  std::string lead;  // the literal before the first field
  std::vector<FieldRules> fields;
  std::string nothing;
  int max_items = 0;
  bool distinct = true;
};

// Errors: no choice and no span in an item; two of them without a literal between; no separator
// where there may be several items; no choices, an empty one, or one that holds what follows it; a
// rule about a field that does not come before.
Result<ShapeRules> read_shape(const AnswerShape& shape);

// Whether `follow` first comes in value + follow where the value ends.
bool ends_where_follow_comes(std::string_view value, std::string_view follow);

}  // namespace relata::generate
