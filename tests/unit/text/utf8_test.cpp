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

// Beside a plain list of where code points start, over several groups of its words.
TEST(OffsetMap, AgreesWithCountingOnLongTexts) {
  for (const size_t size : {1u, 63u, 64u, 65u, 511u, 512u, 513u, 3000u}) {
    for (const char* pattern : {"a", "中", "a中", "😀éa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa😀"}) {
      std::string text;
      while (text.size() < size) text += pattern;
      std::vector<size_t> starts;
      for (size_t i = 0; i < text.size(); i += code_point_length(text, i)) starts.push_back(i);
      starts.push_back(text.size());
      const OffsetMap map(text);
      ASSERT_EQ(map.code_points(), starts.size() - 1);
      for (size_t i = 0; i < starts.size(); ++i) {
        ASSERT_EQ(map.to_byte(i), starts[i]) << pattern << " " << i;
        const size_t end = i + 1 < starts.size() ? starts[i + 1] : starts[i] + 1;
        for (size_t byte = starts[i]; byte < end; ++byte) ASSERT_EQ(map.to_code_point(byte), i);
      }
      EXPECT_EQ(map.to_byte(starts.size() + 5), text.size());
      EXPECT_EQ(map.to_code_point(text.size() + 5), starts.size() - 1);
    }
  }
}

TEST(Utf16, BecomesUtf8) {
  const std::string big(
      "\x00"
      "a"
      "\x4E\x2D\xD8\x3D\xDE\x00",
      8);
  std::string little = big;
  for (size_t i = 0; i < little.size(); i += 2) std::swap(little[i], little[i + 1]);
  std::optional<size_t> bad;
  EXPECT_EQ(utf16_to_utf8(big, true, &bad), "a中😀");
  EXPECT_EQ(utf16_to_utf8(little, false, &bad), "a中😀");
  EXPECT_EQ(bad, std::nullopt);
  // A high surrogate before another letter, a low one alone, half a unit.
  for (const std::string& broken : {std::string("\x00"
                                                "a"
                                                "\xD8\x3D\x00"
                                                "b",
                                                6),
                                    std::string("\x00"
                                                "a"
                                                "\xDE\x00\x00"
                                                "b",
                                                6)}) {
    bad.reset();
    EXPECT_EQ(utf16_to_utf8(broken, true, &bad), "a\uFFFDb");
    EXPECT_EQ(bad, 1u);
  }
  bad.reset();
  EXPECT_EQ(utf16_to_utf8(big.substr(0, 5), true, &bad), "a中\uFFFD");
  EXPECT_EQ(bad, 4u);
  bad.reset();
  EXPECT_EQ(utf16_to_utf8(big.substr(0, 6), true, &bad), "a中\uFFFD");
  EXPECT_EQ(utf16_to_utf8("", true), "");
}

TEST(OffsetMap, HandlesTheEmptyText) {
  const OffsetMap map("");
  EXPECT_EQ(map.code_points(), 0u);
  EXPECT_EQ(map.to_code_point(3), 0u);
  EXPECT_EQ(map.to_byte(3), 0u);
}

}  // namespace
}  // namespace relata::text
