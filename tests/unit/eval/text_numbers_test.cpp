#include "relata/eval/text_numbers.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <unordered_map>

namespace relata::eval {
namespace {

TEST(TextNumbers, AgreeWithAMap) {
  std::mt19937 random(5);
  std::deque<std::string> texts;
  std::unordered_map<std::string, int> want;
  TextNumbers numbers;
  EXPECT_EQ(numbers.find("a"), -1);
  for (int i = 0; i < 20000; ++i) {
    std::string& text = texts.emplace_back(random() % 20, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    const auto [place, fresh] = want.try_emplace(text, static_cast<int>(want.size()));
    EXPECT_EQ(numbers.find(text), fresh ? -1 : place->second);
    const TextNumbers::Entry entry = numbers.add(text);
    EXPECT_EQ(entry.number, place->second);
    EXPECT_EQ(entry.fresh, fresh);
    EXPECT_EQ(numbers[static_cast<size_t>(entry.number)], text);
  }
  EXPECT_EQ(numbers.size(), want.size());
}

// Where only 32 bits of the hash are kept, equal ones are told apart by what they stand for.
TEST(HashSlots, EqualHashesStayApart) {
  HashSlots slots;
  for (uint32_t i = 0; i < 1000; ++i) {
    const auto [number, fresh] =
        slots.add(uint64_t{7} << 32, [&](uint32_t candidate) { return candidate == i; });
    EXPECT_EQ(number, i);
    EXPECT_TRUE(fresh);
  }
  EXPECT_EQ(slots.size(), 1000U);
  EXPECT_EQ(slots.find(uint64_t{7} << 32, [](uint32_t candidate) { return candidate == 500; }),
            500);
  EXPECT_EQ(slots.find(uint64_t{7} << 32, [](uint32_t) { return false; }), -1);
  EXPECT_EQ(slots.find(uint64_t{8} << 32, [](uint32_t) { return true; }), -1);
}

}  // namespace
}  // namespace relata::eval
