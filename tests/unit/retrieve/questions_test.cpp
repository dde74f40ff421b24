#include "ruie/questions.h"

#include <gtest/gtest.h>

#include <set>

namespace relata::retrieve {
namespace {

RetrieverPool pool_of(size_t items) {
  RetrieverPool pool;
  for (size_t i = 0; i < items; ++i) pool.items.push_back({i % 5 == 4 ? "other" : "own", {}, {}});
  pool.key = "key";
  return pool;
}

Question question(size_t negatives) {
  Question out;
  out.item = 0;
  out.selection.positives = {{1, -1.0}};
  for (size_t i = 0; i < negatives; ++i) {
    out.selection.negatives.push_back({10 + i, -2.0 - static_cast<double>(i)});
  }
  return out;
}

// Acceptance check 6 of the study of RUIE: what is missing is drawn from the pool.
TEST(Questions, AreMadeUpToTheirNumberFromThePool) {
  const RetrieverPool pool = pool_of(30);
  std::set<std::vector<size_t>> seen;
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    const auto passages = passages_of(question(2), pool, {8, epoch, 123});
    ASSERT_EQ(passages.size(), 8U);
    EXPECT_EQ(passages[0].document, 1U);
    std::vector<size_t> drawn;
    for (size_t i = 3; i < 8; ++i) {
      EXPECT_EQ(passages[i].score, kForeignScore);
      EXPECT_NE(passages[i].document, 0U) << "the question itself";
      EXPECT_NE(passages[i].document, 1U) << "its positive";
      drawn.push_back(passages[i].document);
    }
    seen.insert(drawn);
    const auto again = passages_of(question(2), pool, {8, epoch, 123});
    for (size_t i = 0; i < 8; ++i) EXPECT_EQ(again[i].document, passages[i].document);
  }
  EXPECT_GT(seen.size(), 15U);
}

TEST(Questions, OfATinyPoolStillEnd) {
  EXPECT_EQ(passages_of(question(0), pool_of(2), {4, 0, 1}).size(), 4U);
}

// Acceptance check 4: a candidate of another task counts as the worst.
TEST(Questions, TakeOtherTasksAsTheWorst) {
  const RetrieverPool pool = pool_of(12);
  RetrieverRecipe recipe;
  recipe.positives = 1;
  recipe.negatives = 2;
  const CandidateLists candidates{{{0, {1, 2, 3, 4, 9}}}, "key"};
  ScoreSet scores;
  scores.pairs = {{0, 1, -3.0}, {0, 2, -1.0}, {0, 3, -2.0}};
  const auto questions = questions_of(recipe, pool, candidates, scores);
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].selection.positives[0].document, 2U);
  ASSERT_EQ(questions[0].selection.negatives.size(), 2U);
  EXPECT_EQ(questions[0].selection.negatives[0].document, 4U);
  EXPECT_EQ(questions[0].selection.negatives[1].document, 9U);
  EXPECT_EQ(questions[0].selection.negatives[1].score, kForeignScore);
  // With nothing but those of others it teaches nothing.
  EXPECT_TRUE(questions_of(recipe, pool, candidates, {}).empty());
}

TEST(Questions, AreNamedByEverythingThatTeaches) {
  const RetrieverPool pool = pool_of(12);
  const std::string name = questions_identity(pool, {question(3)});
  EXPECT_EQ(name, questions_identity(pool, {question(3)}));
  EXPECT_NE(name, questions_identity(pool, {question(2)}));
  Question other = question(3);
  other.selection.positives[0].score = -1.5;
  EXPECT_NE(name, questions_identity(pool, {other}));
}

}  // namespace
}  // namespace relata::retrieve
