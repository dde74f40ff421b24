// The hand-written scanners find what ICU's regular expressions find.
#include <gtest/gtest.h>

#include <random>

#include "hf/stages/split_pattern.h"
#include "relata/text/utf8.h"

namespace relata::text {
namespace {

std::string random_text(std::mt19937& random) {
  const std::u32string common = U"  \n\r\t''sStTrReEvVmMlLdD019.,-!aZé中\u00A0\u3000\u017F\u0660½Ⅷ";
  std::string text;
  for (size_t i = random() % 24; i > 0; --i) {
    char32_t point = common[random() % common.size()];
    if (random() % 5 == 0) point = random() % 0x110000;
    if (random() % 5 == 0) point = random() % 0x3000;
    if (point >= 0xD800 && point <= 0xDFFF) point = 'x';
    append_utf8(text, point);
  }
  return text;
}

TEST(SplitScanners, EqualTheRegularExpressions) {
  for (const char* pattern : {kGpt2Pattern, kLlama3Pattern, kQwenPattern}) {
    const SplitPatternPtr scanner = scanner_for(pattern);
    ASSERT_NE(scanner, nullptr);
    const SplitPatternPtr regex = icu_pattern(pattern, "test").value();
    std::mt19937 random(3);
    for (int round = 0; round < 20000; ++round) {
      const std::string text = random_text(random);
      std::vector<ByteRange> found;
      std::vector<ByteRange> wanted;
      scanner->find(text, found);
      regex->find(text, wanted);
      ASSERT_EQ(found, wanted) << pattern << "\n" << testing::PrintToString(text);
    }
  }
}

// Every code point between letters, digits and spaces: classes are the same for all of Unicode.
TEST(SplitScanners, ClassifyEveryCodePoint) {
  const SplitPatternPtr scanner = scanner_for(kLlama3Pattern);
  const SplitPatternPtr regex = icu_pattern(kLlama3Pattern, "test").value();
  for (char32_t first = 1; first < 0x110000; first += 64) {
    std::string text;
    for (char32_t point = first; point < first + 64; ++point) {
      if (point >= 0xD800 && point <= 0xDFFF) continue;
      append_utf8(text, point);
      text += "a 1";
    }
    std::vector<ByteRange> found;
    std::vector<ByteRange> wanted;
    scanner->find(text, found);
    regex->find(text, wanted);
    ASSERT_EQ(found, wanted) << std::hex << static_cast<uint32_t>(first);
  }
}

}  // namespace
}  // namespace relata::text
