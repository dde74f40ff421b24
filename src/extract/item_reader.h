// An item of a generated list against the parts of its template, and lists that were cut off.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pair/template_parts.h"
#include "relata/base/trim.h"
#include "relata/generate/engine.h"

namespace relata::extract {

// What is wrong with an answer that ended at its limit. Servers tell no tokens: then it had `most`.
inline std::string cut_off_problem(const generate::GenerateResult& result, int most) {
  const size_t tokens = result.ids.empty() ? static_cast<size_t>(most) : result.ids.size();
  return "cut off after " + std::to_string(tokens) + " tokens";
}

// A literal ends the field before it wherever that gives good fields; the first such reading
// counts.
template <class Item>
class ItemReader {
 public:
  // Puts the value of the field so named into the item; says what is wrong with it, or "".
  using TakeField =
      std::function<std::string(const std::string& name, std::string_view value, Item& item)>;

  ItemReader(std::vector<TemplatePart> parts, TakeField take)
      : parts_(std::move(parts)), take_(std::move(take)) {}

  // None where no reading has good fields throughout.
  std::optional<Item> read(std::string_view text) {
    problem_.clear();
    return match(0, text, {});
  }
  // The first that was wrong with a field in the last reading; "" if the form was.
  const std::string& problem() const { return problem_; }

 private:
  std::optional<Item> match(size_t part, std::string_view rest, const Item& so_far) {
    if (part == parts_.size()) return rest.empty() ? std::optional(so_far) : std::nullopt;
    const TemplatePart& here = parts_[part];
    if (!here.placeholder) {
      if (!rest.starts_with(here.text)) return std::nullopt;
      return match(part + 1, rest.substr(here.text.size()), so_far);
    }
    if (part + 1 == parts_.size()) return match_field(part, rest, "", so_far);
    const std::string& bound = parts_[part + 1].text;
    for (size_t at = rest.find(bound); at != std::string_view::npos;
         at = rest.find(bound, at + 1)) {
      if (auto item = match_field(part, rest.substr(0, at), rest.substr(at), so_far)) return item;
    }
    return std::nullopt;
  }

  std::optional<Item> match_field(size_t part, std::string_view value, std::string_view rest,
                                  const Item& so_far) {
    Item item = so_far;
    std::string problem = take_(parts_[part].text, value, item);
    if (problem.empty()) return match(part + 1, rest, item);
    if (problem_.empty()) problem_ = std::move(problem);
    return std::nullopt;
  }

  std::vector<TemplatePart> parts_;
  TakeField take_;
  std::string problem_;
};

// The item that begins at `begin` of a list and may go on to `limit`; `end` is where its first
// separator stands, and is set to where it ends. A name may hold the separator, unless that is a
// line break: an item that reads well only with what follows it has such a one. `problem` is what
// is wrong with the item up to the first separator; "" where it is not of the form, or good.
// `reader` has read() and problem() as an ItemReader has.
template <class Reader>
auto read_list_item(Reader& reader, std::string_view text, size_t begin, size_t limit,
                    const std::string& separator, size_t& end, std::string& problem) {
  constexpr int kMostInNames = 8;
  auto item = reader.read(trimmed(text.substr(begin, end - begin)));
  problem = reader.problem();
  size_t further = separator.find('\n') == std::string::npos ? end : limit;
  for (int i = 0; !item && i < kMostInNames && further < limit; ++i) {
    further = std::min(text.find(separator, further + separator.size()), limit);
    if (auto longer = reader.read(trimmed(text.substr(begin, further - begin)))) {
      end = further;
      return longer;
    }
  }
  return item;
}

}  // namespace relata::extract
