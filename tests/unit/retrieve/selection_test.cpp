#include "ruie/selection.h"

#include <gtest/gtest.h>

namespace relata::retrieve {
namespace {

// Scores count down, so that document i has rank i + 1.
std::vector<Candidate> descending(size_t count) {
  std::vector<Candidate> out;
  for (size_t i = 0; i < count; ++i) out.push_back({i, -static_cast<double>(i)});
  return out;
}

std::vector<size_t> documents(const std::vector<Candidate>& candidates) {
  std::vector<size_t> out;
  for (const Candidate& candidate : candidates) out.push_back(candidate.document);
  return out;
}

// Acceptance check 5 of the study of RUIE.
TEST(Selection, TakesTheBestThreeAndTheWorstSixteen) {
  const auto selection = select_candidates(descending(32), {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(documents(selection->positives), (std::vector<size_t>{0, 1, 2}));
  ASSERT_EQ(selection->negatives.size(), 16U);
  EXPECT_EQ(selection->negatives.front().document, 16U);
  EXPECT_EQ(selection->negatives.back().document, 31U);
  EXPECT_EQ(select_candidates(descending(18), {})->negatives.size(), 15U);
}

TEST(Selection, DropsQuestionsThatTeachNothing) {
  EXPECT_FALSE(select_candidates(descending(3), {}));
  EXPECT_TRUE(select_candidates(descending(4), {}));
  auto foreign = descending(10);
  for (size_t i = 2; i < foreign.size(); ++i) foreign[i].score = kForeignScore;
  EXPECT_FALSE(select_candidates(foreign, {}));
}

// Acceptance check 6: the reward model's offset 987 and the retriever's 123.
TEST(Selection, TakesTurns) {
  Selection selection;
  selection.positives = descending(3);
  for (size_t i = 0; i < 16; ++i) selection.negatives.push_back({100 + i, -100.0});
  EXPECT_EQ(documents(example_of(selection, 7, 987)),
            (std::vector<size_t>{0, 113, 114, 115, 100, 101, 102, 103}));
  EXPECT_EQ(documents(example_of(selection, 3, 123)), (std::vector<size_t>{0, 101, 102, 103}));
  EXPECT_EQ(documents(example_of(selection, 3, 124)), (std::vector<size_t>{1, 104, 105, 106}));
}

TEST(Selection, GivesAllWhereThereAreFewerThanAskedFor) {
  Selection selection;
  selection.positives = descending(1);
  selection.negatives = {{7, -1.0}, {8, -2.0}};
  EXPECT_EQ(example_of(selection, 5, 0).size(), 3U);
}

}  // namespace
}  // namespace relata::retrieve
