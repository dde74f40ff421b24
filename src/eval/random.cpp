#include "random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace relata::eval {

int64_t Random::fair_coins(int64_t coins) {
  int64_t heads = 0;
  for (; coins >= 64; coins -= 64) heads += std::popcount(next());
  if (coins > 0) heads += std::popcount(next() >> (64 - coins));
  return heads;
}

std::pair<double, double> percentile_interval(std::vector<double> values) {
  if (values.empty()) return {0, 0};
  std::sort(values.begin(), values.end());
  auto point = [&](double fraction) {
    const double place = fraction * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return std::lerp(values[below], values[above], place - std::floor(place));
  };
  return {point(0.025), point(0.975)};
}

}  // namespace relata::eval
