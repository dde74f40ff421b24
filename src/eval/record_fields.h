// Fields of a JSON record whose strings are kept as views where the text allows it.
#pragma once

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
  bool read_text(JsonView value, std::string_view name, std::string_view& out);
  bool read_number(JsonView value, std::string_view name, int& out);  // 0 to 2^31 - 1
  bool check_list(JsonView value, std::string_view name);

  std::optional<JsonProblem> take_problem() { return std::exchange(problem_, std::nullopt); }
  std::list<std::string>& texts() { return texts_; }  // decoded ones

 private:
  std::string_view text_;
  std::list<std::string> texts_;
  std::optional<JsonProblem> problem_;
};

}  // namespace relata::eval
