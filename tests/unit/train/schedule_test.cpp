#include "relata/train/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace relata::train {
namespace {

TEST(Schedule, WarmupRisesLinearlyWhateverTheType) {
  for (const char* type : {"cosine", "linear", "constant", "constant_with_warmup"}) {
    for (int step = 0; step < 10; ++step) {
      EXPECT_DOUBLE_EQ(schedule_factor(type, step, 100, 10), step / 10.0) << type;
    }
    EXPECT_DOUBLE_EQ(schedule_factor(type, 10, 100, 10), 1.0) << type;
  }
}

// Transformers' get_cosine_schedule_with_warmup and get_linear_schedule_with_warmup, by hand.
TEST(Schedule, FallsAsTransformersDoes) {
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 55, 100, 10), 0.5);
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 100, 100, 10), 0.0);
  EXPECT_DOUBLE_EQ(schedule_factor("cosine", 55, 100, 10), 0.5);
  EXPECT_NEAR(schedule_factor("cosine", 40, 100, 10), 0.75, 1e-12);  // cos(pi / 3) = 1 / 2
  EXPECT_NEAR(schedule_factor("cosine", 100, 100, 10), 0.0, 1e-12);
  EXPECT_DOUBLE_EQ(schedule_factor("constant", 99, 100, 10), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor("constant_with_warmup", 99, 100, 10), 1.0);
}

TEST(Schedule, StaysAtItsEnd) {
  for (const char* type : {"cosine", "linear"}) {
    EXPECT_NEAR(schedule_factor(type, 500, 100, 10), 0.0, 1e-12) << type;
  }
  EXPECT_DOUBLE_EQ(schedule_factor("linear", 0, 0, 0), 1.0);  // no step to divide by
}

TEST(EpochOrder, IsAPermutationThatTheSeedAndTheEpochDecide) {
  auto order = epoch_order(50, 7, 0, true);
  EXPECT_EQ(order, epoch_order(50, 7, 0, true));
  EXPECT_NE(order, epoch_order(50, 7, 1, true));
  EXPECT_NE(order, epoch_order(50, 8, 0, true));
  std::sort(order.begin(), order.end());
  std::vector<int64_t> all(50);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(order, all);
  EXPECT_EQ(epoch_order(50, 7, 3, false), all);
}

}  // namespace
}  // namespace relata::train
