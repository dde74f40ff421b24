#include "columns.h"

#include <algorithm>
#include <charconv>

namespace relata::data {

std::vector<std::string_view> split_columns(std::string_view text, char mark, size_t most) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    const bool last = parts.size() + 1 == most;
    const size_t end = last ? text.size() : std::min(text.find(mark, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::optional<size_t> whole_number(std::string_view text) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace relata::data
