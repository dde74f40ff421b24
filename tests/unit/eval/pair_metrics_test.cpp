#include "relata/eval/pair_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace relata::eval {
namespace {

using Labels = std::vector<std::string>;

PairItem item(Labels gold, Labels predicted) {
  return {.id = "",
          .context = "",
          .gold = std::move(gold),
          .predicted = std::move(predicted),
          .scores = {}};
}

// One right, one half right, one invented, one missed, one rightly without a relation.
std::vector<PairItem> five_items() {
  return {item({"A"}, {"A"}), item({"A", "B"}, {"A"}), item({"unknown"}, {"B"}),
          item({"B"}, {"unknown"}), item({"unknown"}, {"unknown"})};
}

EvalOptions with_unknown(int bootstrap = 0) {
  return {.negative = "unknown", .bootstrap = bootstrap, .seed = 7};
}

Score score(const std::string& metric, const std::vector<PairItem>& items,
            const EvalOptions& options = with_unknown()) {
  auto result = score_pairs(metric, items, options);
  EXPECT_TRUE(result.ok());
  return result.ok() ? *result : Score{};
}

struct Expected {
  std::string metric;
  double precision, recall, f1, floor;
  std::string floor_answer;
};

class HandComputed : public testing::TestWithParam<Expected> {};

TEST_P(HandComputed, ScoresAndFloor) {
  const Expected& expected = GetParam();
  const Score actual = score(expected.metric, five_items());
  EXPECT_EQ(actual.metric, expected.metric);
  EXPECT_FALSE(actual.definition.empty());
  EXPECT_DOUBLE_EQ(actual.precision, expected.precision);
  EXPECT_DOUBLE_EQ(actual.recall, expected.recall);
  EXPECT_DOUBLE_EQ(actual.f1, expected.f1);
  EXPECT_DOUBLE_EQ(actual.floor, expected.floor);
  EXPECT_EQ(actual.floor_answer, expected.floor_answer);
}

INSTANTIATE_TEST_SUITE_P(
    PairMetrics, HandComputed,
    testing::Values(Expected{"pair-micro", 2.0 / 3, 0.5, 4.0 / 7, 4.0 / 9, "A"},
                    Expected{"pair-macro", 0.5, 0.5, 0.5, 2.0 / 7, "A"},
                    Expected{"pair-micro-all", 0.6, 0.5, 6.0 / 11, 4.0 / 11, "A"},
                    Expected{"pair-macro-all", 0.5, 0.5, 0.5, 4.0 / 7 / 3, "A"},
                    Expected{"crellm", 0.6, 0.5, 8.0 / 15, 0.4, "unknown"}),
    [](const auto& test) {
      std::string name = test.param.metric;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(PairMetrics, FloorIsWhatTheConstantAnswerScores) {
  for (const std::string& metric : pair_metric_names()) {
    const Score actual = score(metric, five_items());
    double best = 0;
    for (const char* label : {"A", "B", "unknown"}) {
      std::vector<PairItem> constant = five_items();
      for (PairItem& one : constant) one.predicted = {label};
      const double f1 = score(metric, constant).f1;
      best = std::max(best, f1);
      if (label == actual.floor_answer) {
        EXPECT_DOUBLE_EQ(f1, actual.floor) << metric;
      }
    }
    EXPECT_DOUBLE_EQ(best, actual.floor) << metric;
  }
}

TEST(PairMetrics, GoldAgainstItselfIsPerfect) {
  std::vector<PairItem> items = five_items();
  for (PairItem& one : items) one.predicted = one.gold;
  for (const std::string& metric : pair_metric_names()) {
    const Score actual = score(metric, items, with_unknown(50));
    EXPECT_EQ(actual.precision, 1) << metric;
    EXPECT_EQ(actual.recall, 1) << metric;
    EXPECT_EQ(actual.f1, 1) << metric;
    EXPECT_EQ(actual.ci_high, 1) << metric;
  }
}

TEST(PairMetrics, DuplicateLabelsCountOnce) {
  const std::vector<PairItem> items = {item({"A", "A"}, {"A", "A", "B", ""})};
  EXPECT_DOUBLE_EQ(score("pair-micro", items).precision, 0.5);
  EXPECT_DOUBLE_EQ(score("pair-micro", items).recall, 1);
  const auto counts = per_label_counts(items);
  EXPECT_EQ(counts.at("A").gold, 1);
  EXPECT_EQ(counts.at("A").predicted, 1);
  EXPECT_EQ(counts.at("B").predicted, 1);
  EXPECT_EQ(counts.size(), 2U);
}

TEST(PairMetrics, WithoutNegativeEveryLabelCounts) {
  const EvalOptions options = {.negative = "", .bootstrap = 0, .seed = 0};
  EXPECT_DOUBLE_EQ(score("pair-micro", five_items(), options).f1, 6.0 / 11);
}

TEST(PairMetrics, OnlyNegativesScoreZero) {
  const std::vector<PairItem> items = {item({"unknown"}, {"unknown"}), item({}, {})};
  const Score micro = score("pair-micro", items);
  EXPECT_EQ(micro.f1, 0);
  EXPECT_EQ(micro.floor, 0);
  EXPECT_EQ(micro.floor_answer, "");
  EXPECT_EQ(score("crellm", items).f1, 1);
}

TEST(PairMetrics, UndefinedRatiosAreZero) {
  const Counts none;
  EXPECT_EQ(none.precision(), 0);
  EXPECT_EQ(none.recall(), 0);
  EXPECT_EQ(none.f1(), 0);
}

TEST(PairMetrics, NothingToScoreAndUnknownMetricAreErrors) {
  EXPECT_EQ(score_pairs("pair-micro", {}, {}).error().code, ErrorCode::kBadInput);
  const auto unknown = score_pairs("pair-mikro", five_items(), {});
  EXPECT_EQ(unknown.error().code, ErrorCode::kUsage);
  EXPECT_NE(unknown.error().hint.find("pair-micro-all"), std::string::npos);
}

// Every fifth answer is missing and every third is wrong.
std::vector<PairItem> many_items(int count) {
  std::vector<PairItem> items;
  for (int i = 0; i < count; ++i) {
    const std::string label = "R" + std::to_string(i % 7);
    Labels predicted = {label};
    if (i % 3 == 0) predicted = {"R0"};
    if (i % 5 == 0) predicted = {"unknown"};
    items.push_back(item({label}, predicted));
    items.back().id = std::to_string(i);
  }
  return items;
}

TEST(Bootstrap, ContainsTheScoreAndRepeatsForASeed) {
  for (const std::string& metric : pair_metric_names()) {
    const Score first = score(metric, many_items(400), with_unknown(500));
    const Score second = score(metric, many_items(400), with_unknown(500));
    EXPECT_LT(first.ci_low, first.f1) << metric;
    EXPECT_GT(first.ci_high, first.f1) << metric;
    EXPECT_LT(first.ci_high - first.ci_low, 0.2) << metric;
    EXPECT_EQ(first.ci_low, second.ci_low) << metric;
    EXPECT_EQ(first.ci_high, second.ci_high) << metric;
    EvalOptions other = with_unknown(500);
    other.seed = 8;
    EXPECT_NE(score(metric, many_items(400), other).ci_low, first.ci_low) << metric;
  }
}

TEST(Bootstrap, HasTheBinomialWidth) {
  // With one label per pair and none missing, micro F1 is a mean of n coins: sd = sqrt(pq/n).
  std::vector<PairItem> items;
  for (int i = 0; i < 1000; ++i) items.push_back(item({"A"}, {i % 5 == 0 ? "B" : "A"}));
  const Score actual = score("pair-micro", items, with_unknown(4000));
  EXPECT_DOUBLE_EQ(actual.f1, 0.8);
  EXPECT_NEAR(actual.ci_low, 0.8 - 1.96 * 0.012649, 0.003);
  EXPECT_NEAR(actual.ci_high, 0.8 + 1.96 * 0.012649, 0.003);
}

TEST(Bootstrap, IsFastForWholeDatasets) {
  const auto start = std::chrono::steady_clock::now();
  score("pair-macro", many_items(20000), with_unknown(1000));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 5);  // about 0.05 s; slow machines and sanitizers get room
}

TEST(Compare, ASystemWithItself) {
  for (const std::string& metric : pair_metric_names()) {
    const auto same = compare_pairs(metric, many_items(100), many_items(100), with_unknown(200));
    ASSERT_TRUE(same.ok());
    EXPECT_EQ(same->difference, 0);
    EXPECT_EQ(same->p_value, 1);
    EXPECT_EQ(same->ci_low, 0);
    EXPECT_EQ(same->ci_high, 0);
  }
}

TEST(Compare, AClearDifferenceIsSignificant) {
  std::vector<PairItem> perfect = many_items(200);
  for (PairItem& one : perfect) one.predicted = one.gold;
  const auto better = compare_pairs("pair-micro", perfect, many_items(200), with_unknown(500));
  const auto worse = compare_pairs("pair-micro", many_items(200), perfect, with_unknown(500));
  ASSERT_TRUE(better.ok() && worse.ok());
  EXPECT_GT(better->difference, 0.2);
  EXPECT_GT(better->ci_low, 0);
  EXPECT_LT(better->p_value, 0.001);
  EXPECT_DOUBLE_EQ(better->difference, -worse->difference);
}

TEST(Compare, SmallDifferencesMatchTheExactTest) {
  // a is right on 3 pairs where b is wrong, b on 1: of 16 exchanges, 10 differ by at least 2 pairs.
  std::vector<PairItem> a, b;
  for (int i = 0; i < 12; ++i) {
    a.push_back(item({"A"}, {i == 0 ? "B" : "A"}));
    b.push_back(item({"A"}, {i >= 1 && i <= 3 ? "B" : "A"}));
  }
  const auto comparison = compare_pairs("crellm", a, b, with_unknown(100));
  ASSERT_TRUE(comparison.ok());
  EXPECT_NEAR(comparison->difference, 2.0 / 12, 1e-12);
  EXPECT_NEAR(comparison->p_value, 10.0 / 16, 0.02);
}

TEST(Compare, OtherGoldIsAnError) {
  std::vector<PairItem> other = many_items(10);
  other[3].gold = {"X"};
  const auto result = compare_pairs("pair-micro", many_items(10), other, {});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("pair 4"), std::string::npos);
  EXPECT_FALSE(compare_pairs("pair-micro", many_items(10), many_items(9), {}).ok());
}

}  // namespace
}  // namespace relata::eval
