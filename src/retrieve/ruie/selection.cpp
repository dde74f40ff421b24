#include "ruie/selection.h"

#include <algorithm>

namespace relata::retrieve {

std::optional<Selection> select_candidates(std::vector<Candidate> candidates,
                                           const SelectionOptions& options) {
  if (options.positives == 0 || candidates.size() <= options.positives) return std::nullopt;
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (candidates[options.positives - 1].score <= kForeignScore) return std::nullopt;
  const size_t negatives = std::min(options.negatives, candidates.size() - options.positives);
  Selection out;
  const auto middle = candidates.begin() + static_cast<int64_t>(options.positives);
  out.positives.assign(candidates.begin(), middle);
  out.negatives.assign(candidates.end() - static_cast<int64_t>(negatives), candidates.end());
  return out;
}

std::vector<Candidate> example_of(const Selection& selection, size_t negatives, uint64_t turn) {
  std::vector<Candidate> out = {selection.positives[turn % selection.positives.size()]};
  const size_t all = selection.negatives.size();
  for (size_t i = 0; i < std::min(negatives, all); ++i) {
    out.push_back(selection.negatives[(turn * negatives + i) % all]);
  }
  return out;
}

}  // namespace relata::retrieve
