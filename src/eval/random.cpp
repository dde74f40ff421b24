#include "random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace relata::eval {

uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

size_t Random::below(size_t bound) { return static_cast<size_t>(((next() >> 32) * bound) >> 32); }

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
