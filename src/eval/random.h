#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace relata::eval {

// SplitMix64, so that a seed gives the same interval with every standard library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  size_t below(size_t bound);         // bound < 2^32
  int64_t fair_coins(int64_t coins);  // heads among so many tosses

 private:
  uint64_t state_;
};

// 2.5 % and 97.5 % points.
std::pair<double, double> percentile_interval(std::vector<double> values);

}  // namespace relata::eval
