// Lines of columns.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace relata::data {

// The parts between the marks; one more than there are marks, but at most `most`, the last of which
// then has the rest.
std::vector<std::string_view> split_columns(std::string_view text, char mark,
                                            size_t most = std::string_view::npos);
// Digits alone; none for anything else, and for what size_t cannot hold.
std::optional<size_t> whole_number(std::string_view text);

}  // namespace relata::data
