// Fields of a JSON record whose strings are kept as views where the text allows it.
#pragma once

#include <functional>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "relata/base/json_view.h"

namespace relata::eval {

// The readers return whether the value was good; the first problem is kept.
class RecordFields {
 public:
  explicit RecordFields(std::string_view text) : text_(text) {}

  bool fail(JsonView value, std::string problem);
  // `name` is for the message: "'title'".
  bool read_text(JsonView value, std::string_view name, std::string_view& out) {
    if (!value.is_string()) return fail_as(value, name, "not a string");
    out = value.string();
    if (!is_in_text(out.data())) out = texts_.emplace_back(out);
    return true;
  }
  bool read_number(JsonView value, std::string_view name, int& out) {  // 0 to 2^31 - 1
    const auto number = value.integer();
    if (!number || *number < 0 || *number > std::numeric_limits<int>::max()) {
      return fail_as(value, name, "not a whole number from 0 on");
    }
    out = static_cast<int>(*number);
    return true;
  }
  bool check_list(JsonView value, std::string_view name) {
    return value.is_array() || fail_as(value, name, "not a list");
  }

  std::optional<JsonProblem> take_problem() { return std::exchange(problem_, std::nullopt); }
  std::list<std::string>& texts() { return texts_; }  // decoded ones

 private:
  bool fail_as(JsonView value, std::string_view name, std::string_view what);
  bool is_in_text(const char* place) const {
    const std::less<const char*> before;
    return !before(place, text_.data()) && before(place, text_.data() + text_.size());
  }

  std::string_view text_;
  std::list<std::string> texts_;
  std::optional<JsonProblem> problem_;
};

}  // namespace relata::eval
