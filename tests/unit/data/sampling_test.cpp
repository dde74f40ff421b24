#include "relata/data/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace relata::data {
namespace {

TEST(Sampling, DrawsDifferentIndicesInOrder) {
  for (const auto& [count, most] :
       {std::pair<size_t, size_t>(10, 3), {10, 10}, {10, 20}, {0, 5}, {5, 0}, {100000, 7}}) {
    const std::vector<size_t> drawn = draw_sample(count, most, 1);
    EXPECT_EQ(drawn.size(), std::min(count, most));
    EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
    EXPECT_EQ(std::adjacent_find(drawn.begin(), drawn.end()), drawn.end());
    if (!drawn.empty()) {
      EXPECT_LT(drawn.back(), count);
    }
  }
}

TEST(Sampling, TheSeedDecides) {
  EXPECT_EQ(draw_sample(1000, 10, 7), draw_sample(1000, 10, 7));
  EXPECT_NE(draw_sample(1000, 10, 7), draw_sample(1000, 10, 8));
}

// A sample of a sorted list has every part of it. Each index is drawn with probability 1/4: over
// 4,000 seeds its count is binomial with mean 1,000 and standard deviation 27.4; six of these are
// passed by none of 20 indices but for once in 10^7 runs, and the seeds are fixed.
TEST(Sampling, EveryIndexIsAsLikely) {
  constexpr size_t kCount = 20;
  constexpr uint64_t kSeeds = 4000;
  std::vector<size_t> times(kCount);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const size_t index : draw_sample(kCount, 5, seed)) ++times[index];
  }
  const double deviation = std::sqrt(kSeeds * 0.25 * 0.75);
  for (const size_t count : times) EXPECT_NEAR(count, kSeeds * 0.25, 6 * deviation);
}

}  // namespace
}  // namespace relata::data
