// Hexadecimal digits.
#pragma once

namespace relata {

// 0 to 15 in either case; -1: `c` is no such digit.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace relata
