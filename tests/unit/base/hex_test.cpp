#include "relata/base/hex.h"

#include <gtest/gtest.h>

#include <string_view>

namespace relata {
namespace {

TEST(Hex, DigitsOfBothCases) {
  int value = 0;
  for (const char c : std::string_view("0123456789abcdef")) EXPECT_EQ(hex_digit(c), value++);
  for (const char c : std::string_view("ABCDEF")) EXPECT_EQ(hex_digit(c), 10 + c - 'A');
  for (const char c : std::string_view("/:@G`g \xFF")) EXPECT_EQ(hex_digit(c), -1);
}

}  // namespace
}  // namespace relata
