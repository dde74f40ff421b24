#include "../../../src/engine/passes.h"

#include <gtest/gtest.h>

namespace relata::engine {
namespace {

TEST(Passes, PromptsThatBeginAlikeComeTogether) {
  // Two sentences of 20 tokens, asked about in turns with 5 tokens of their own.
  std::vector<Prompt> prompts;
  for (int i = 0; i < 12; ++i) {
    Prompt& prompt = prompts.emplace_back(20, 100 + i % 2);
    for (int t = 0; t < 5; ++t) prompt.push_back(i);
  }
  std::vector<Load> loads;
  for (const Prompt& prompt : prompts) loads.push_back({&prompt, 3});
  const auto passes = plan_passes(loads, 20 + 6 * (5 + 3));
  ASSERT_EQ(passes.size(), 2U);
  EXPECT_EQ(passes[0], (std::vector<size_t>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(passes[1], (std::vector<size_t>{1, 3, 5, 7, 9, 11}));
  // One token less, and the last question begins the next pass, with the sentence again.
  const auto tight = plan_passes(loads, 20 + 6 * (5 + 3) - 1);
  ASSERT_EQ(tight.size(), 3U);
  EXPECT_EQ(tight[1], (std::vector<size_t>{10, 1, 3}));
}

TEST(Passes, CountWhatIsNew) {
  const Prompt first = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(new_tokens(nullptr, first), 6);
  EXPECT_EQ(new_tokens(&first, first), 0);
  EXPECT_EQ(new_tokens(&first, {1, 2, 3, 4, 9}), 1);
  EXPECT_EQ(new_tokens(&first, {1, 2, 3, 9}), 4);  // too little in common
  EXPECT_EQ(new_tokens(&first, {9}), 1);
}

TEST(Passes, OneRequestMayExceedThePass) {
  const Prompt big(50, 1), small(3, 2);
  const auto passes = plan_passes({{&big, 0}, {&small, 0}, {&small, 0}}, 10);
  ASSERT_EQ(passes.size(), 2U);
  EXPECT_EQ(passes[1], (std::vector<size_t>{1, 2}));
  EXPECT_TRUE(plan_passes({}, 10).empty());
}

}  // namespace
}  // namespace relata::engine
