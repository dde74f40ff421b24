#pragma once

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

// A score without resamples keeps both ends at 0, which a system above 0 does not reach otherwise.
inline bool has_interval(const Score& score) { return score.ci_high > 0 || score.f1 == 0; }

}  // namespace relata::eval
