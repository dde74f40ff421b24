#include "relative_scores.h"

#include <cmath>

namespace relata::model {
namespace {

// The kind of each of the distances 0, 1, ... `farthest`. The logarithm is rounded as Transformers
// rounds it: at the borders of the ranges that decides.
at::Tensor kinds_of(int64_t farthest, int64_t kinds) {
  const int64_t single = kinds / 2;
  const at::Tensor distances = at::arange(farthest + 1, at::kLong);
  const double growth = std::log(static_cast<double>(farthest) / static_cast<double>(single));
  const at::Tensor logarithms = at::log(distances.to(at::kFloat) / static_cast<double>(single)) /
                                growth * static_cast<double>(kinds - single);
  // The logarithm of 0 is no number of a kind, and not chosen.
  const at::Tensor ranges = (logarithms.clamp_min(0).to(at::kLong) + single).clamp_max(kinds - 1);
  return at::where(distances < single, distances, ranges);
}

}  // namespace

at::Tensor relative_scores(const at::Tensor& kinds, int64_t farthest, bool both_ways) {
  const int64_t count = kinds.size(0);
  const at::Tensor before = kinds_of(farthest, both_ways ? count / 2 : count);
  const at::Tensor behind =
      both_ways ? before.narrow(0, 1, farthest) + count / 2 : at::zeros({farthest}, at::kLong);
  const at::Tensor columns = at::cat({before.flip(0), behind});
  return kinds.to(at::kFloat).index_select(0, columns.to(kinds.device())).t().contiguous();
}

}  // namespace relata::model
