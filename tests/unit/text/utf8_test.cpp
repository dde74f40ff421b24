#include "relata/text/utf8.h"

#include <gtest/gtest.h>

namespace relata::text {
namespace {

TEST(Utf8, AcceptsEveryLength) {
  EXPECT_EQ(find_invalid_utf8(""), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("aé中😀\xF4\x8F\xBF\xBF"), std::nullopt);
}

TEST(Utf8, FindsInvalidSequences) {
  EXPECT_EQ(find_invalid_utf8("ab\x80"), 2u);             // a continuation byte alone
  EXPECT_EQ(find_invalid_utf8("\xC0\xAF"), 0u);           // overlong
  EXPECT_EQ(find_invalid_utf8("a\xE0\x80\x80"), 1u);      // overlong
  EXPECT_EQ(find_invalid_utf8("a\xF0\x80\x80\x80"), 1u);  // overlong
  EXPECT_EQ(find_invalid_utf8("中\xED\xA0\x80"), 3u);     // a surrogate
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0u);   // past U+10FFFF
  EXPECT_EQ(find_invalid_utf8("\xF8\x88\x80\x80\x80"), 0u);
  EXPECT_EQ(find_invalid_utf8("x\xE4\xB8"), 1u);  // cut off
  EXPECT_EQ(find_invalid_utf8("x\xE4\xB8y"), 1u);
}

TEST(Utf8, ReplacesMaximalInvalidSequences) {
  EXPECT_EQ(replace_invalid_utf8("a中"), "a中");
  EXPECT_EQ(replace_invalid_utf8("\xE4\xB8z"), "\uFFFDz");
  EXPECT_EQ(replace_invalid_utf8("\xE4\xB8"), "\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
}

TEST(Utf8, ConvertsToCodePointsAndBack) {
  const std::string text = "aé中😀";
  const std::u32string points = to_code_points(text);
  EXPECT_EQ(points, (std::u32string{U'a', U'é', U'中', U'😀'}));
  EXPECT_EQ(to_utf8(points), text);
  EXPECT_EQ(count_code_points(text), 4u);
  for (char32_t c = 0; c < 0x110000; c += 7) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string one;
    append_utf8(one, c);
    ASSERT_EQ(find_invalid_utf8(one), std::nullopt) << static_cast<unsigned>(c);
    ASSERT_EQ(to_code_points(one), std::u32string(1, c));
  }
}

TEST(Utf8, AppendsTheReplacementForWhatIsNoCodePoint) {
  std::string out;
  append_utf8(out, 0xD800);
  append_utf8(out, 0x110000);
  EXPECT_EQ(out, "\uFFFD\uFFFD");
}

TEST(OffsetMap, ConvertsBothWays) {
  const OffsetMap map("a中b😀");
  EXPECT_EQ(map.code_points(), 4u);
  EXPECT_EQ(map.to_code_point(0), 0u);
  EXPECT_EQ(map.to_code_point(1), 1u);
  EXPECT_EQ(map.to_code_point(2), 1u);  // inside a code point
  EXPECT_EQ(map.to_code_point(4), 2u);
  EXPECT_EQ(map.to_code_point(9), 4u);
  EXPECT_EQ(map.to_code_point(99), 4u);
  EXPECT_EQ(map.to_byte(2), 4u);
  EXPECT_EQ(map.to_byte(4), 9u);
  EXPECT_EQ(map.to_byte(99), 9u);
}

TEST(OffsetMap, HandlesTheEmptyText) {
  const OffsetMap map("");
  EXPECT_EQ(map.code_points(), 0u);
  EXPECT_EQ(map.to_code_point(3), 0u);
  EXPECT_EQ(map.to_byte(3), 0u);
}

}  // namespace
}  // namespace relata::text
