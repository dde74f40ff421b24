#include "relata/data/sampling.h"

#include <random>

namespace relata::data {
namespace {

// Below `bound`, without the bias of a remainder; std::uniform_int_distribution is not specified
// bit for bit.
uint64_t below(uint64_t bound, std::mt19937_64& random) {
  const uint64_t excess = (UINT64_MAX % bound + 1) % bound;
  uint64_t drawn = random();
  while (drawn > UINT64_MAX - excess) drawn = random();
  return drawn % bound;
}

}  // namespace

std::vector<size_t> draw_sample(size_t count, size_t most, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<size_t> drawn;
  for (size_t i = 0; i < count && drawn.size() < most; ++i) {
    if (below(count - i, random) < most - drawn.size()) drawn.push_back(i);
  }
  return drawn;
}

}  // namespace relata::data
