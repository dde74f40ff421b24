#include "record_fields.h"

#include <fmt/format.h>

#include <functional>
#include <limits>
#include <utility>

namespace relata::eval {

bool RecordFields::fail(JsonView value, std::string problem) {
  if (!problem_) problem_ = {value.offset(), std::move(problem)};
  return false;
}

bool RecordFields::read_text(JsonView value, std::string_view name, std::string_view& out) {
  if (!value.is_string()) return fail(value, fmt::format("field {} is not a string", name));
  out = value.string();
  const std::less<const char*> before;
  const char* end = text_.data() + text_.size();
  if (before(out.data(), text_.data()) || !before(out.data(), end)) out = texts_.emplace_back(out);
  return true;
}

bool RecordFields::read_number(JsonView value, std::string_view name, int& out) {
  const auto number = value.integer();
  if (!number || *number < 0 || *number > std::numeric_limits<int>::max()) {
    return fail(value, fmt::format("field {} is not a whole number from 0 on", name));
  }
  out = static_cast<int>(*number);
  return true;
}

bool RecordFields::check_list(JsonView value, std::string_view name) {
  return value.is_array() || fail(value, fmt::format("field {} is not a list", name));
}

}  // namespace relata::eval
