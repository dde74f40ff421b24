#include "relata/generate/engine.h"

#include <numeric>

namespace relata::generate {

double ScoreResult::total(size_t continuation) const {
  const std::vector<double>& tokens = token_logprobs.at(continuation);
  return std::accumulate(tokens.begin(), tokens.end(), 0.0);
}

}  // namespace relata::generate
