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
  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) {  // bound < 2^32
    return static_cast<size_t>(((next() >> 32) * bound) >> 32);
  }
  int64_t fair_coins(int64_t coins);  // heads among so many tosses

 private:
  uint64_t state_;
};

// 2.5 % and 97.5 % points.
std::pair<double, double> percentile_interval(std::vector<double> values);

}  // namespace relata::eval
