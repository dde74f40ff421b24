// The one place that writes to stderr, so that log lines and a progress bar do not mix.
#pragma once

#include <cstddef>
#include <string_view>

namespace relata::internal {

// Prints a whole line (its newline is added), above the bar if one is shown. Thread safe.
void show_line(std::string_view text);

// Shows `text` in place of the bar; "" takes the bar away. Thread safe.
void show_bar(std::string_view text);

size_t console_columns();

// Terminal columns that valid UTF-8 takes, counting East Asian characters as two.
size_t display_width(std::string_view text);
std::string_view cut_to_width(std::string_view text, size_t columns);

}  // namespace relata::internal
