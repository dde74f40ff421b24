// What the readers and writers of JSON and YAML share.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "relata/base/json.h"

namespace relata::internal {

constexpr size_t kMaxDepth = 512;  // copying and writing a value recurse this deep
std::string too_deep();            // "nested deeper than 512 levels"

// "where:line:column: " of an offset; columns count code points.
std::string place(std::string_view text, size_t offset, const std::string& where);

// The value that YAML 1.2's core schema gives to an unquoted scalar.
Result<Json> plain_scalar(std::string_view text);

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  for (const std::string_view word : words) {
    if (word == text) return true;
  }
  return false;
}

}  // namespace relata::internal
