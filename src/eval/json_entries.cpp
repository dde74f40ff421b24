#include "json_entries.h"

#include <fmt/format.h>

namespace relata::eval {

Status for_each_json_entry(std::string_view content, const std::string& where, bool lines,
                           const TakeEntry& take) {
  if (!lines) {
    RELATA_TRY(Json list, parse_json(content, where));
    if (!list.is_array()) return input_error(where + ": a list of objects wanted");
    for (size_t i = 0; i < list.size(); ++i) {
      RELATA_CHECK(take(std::move(list[i]), fmt::format("{}: entry {}", where, i + 1)));
    }
    return {};
  }
  for (int line = 1; !content.empty(); ++line) {
    const size_t end = content.find('\n');
    const std::string_view text = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", where, line);
    RELATA_TRY(Json value, parse_json(text, place));
    RELATA_CHECK(take(std::move(value), place));
  }
  return {};
}

}  // namespace relata::eval
