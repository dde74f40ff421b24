// Lines of columns.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace relata::data {

// The parts between the marks; one more than there are marks.
std::vector<std::string_view> split_columns(std::string_view text, char mark);
// Digits alone; none for anything else, and for what size_t cannot hold.
std::optional<size_t> whole_number(std::string_view text);

}  // namespace relata::data
