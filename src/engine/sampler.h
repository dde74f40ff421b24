// Chooses the next token of one sequence.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "relata/generate/engine.h"

namespace relata::engine {

class Sampler {
 public:
  explicit Sampler(const generate::GenerateRequest& request);

  // The index chosen among `logits` [count], and its log-probability at temperature 1 among them.
  // Index -1: the logits are no numbers.
  std::pair<int64_t, double> pick(const float* logits, int64_t count);

 private:
  class Ranking;
  int64_t sample(const float* logits, int64_t count);

  double temperature_;
  int top_k_;
  double top_p_;
  std::mt19937_64 random_;
};

}  // namespace relata::engine
