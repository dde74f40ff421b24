#include "docred/record_fields.h"

#include <fmt/format.h>

#include <utility>

namespace relata::eval {

bool RecordFields::fail(JsonView value, std::string problem) {
  if (!problem_) problem_ = {value.offset(), std::move(problem)};
  return false;
}

bool RecordFields::fail_as(JsonView value, std::string_view name, std::string_view what) {
  return fail(value, fmt::format("field {} is {}", name, what));
}

}  // namespace relata::eval
