#include "sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "relata/kernels/loss.h"

namespace relata::engine {

Sampler::Sampler(const generate::GenerateRequest& request)
    : temperature_(request.temperature),
      top_k_(request.top_k),
      top_p_(request.top_p),
      random_(request.seed) {}

std::pair<int64_t, double> Sampler::pick(const float* logits, int64_t count) {
  const kernels::LogitSummary summary = kernels::summarise_logits(logits, count);
  if (!std::isfinite(summary.logsumexp)) return {-1, 0.0};
  const int64_t chosen = temperature_ <= 0
                             ? std::find(logits, logits + count, summary.largest) - logits
                             : sample(logits, count);
  if (chosen == count) return {-1, 0.0};
  return {chosen, logits[chosen] - summary.logsumexp};
}

// Tokens in the order of their logits, of equals in that of their numbers. A vocabulary is never
// sorted as a whole: the likeliest few nearly always decide.
class Sampler::Ranking {
 public:
  Ranking(const float* logits, int64_t count)
      : logits_(logits), order_(static_cast<size_t>(count)) {
    std::iota(order_.begin(), order_.end(), 0);
  }
  // Token `rank`.
  int32_t operator[](size_t rank) {
    while (sorted_ <= rank) sort_more();
    return order_[rank];
  }

 private:
  void sort_more() {
    constexpr size_t kFirst = 64, kGrowth = 8;
    const size_t end = std::min(order_.size(), std::max(kFirst, kGrowth * sorted_));
    const auto at = [&](size_t i) { return order_.begin() + static_cast<ptrdiff_t>(i); };
    std::partial_sort(at(sorted_), at(end), order_.end(), [&](int32_t a, int32_t b) {
      return logits_[a] != logits_[b] ? logits_[a] > logits_[b] : a < b;
    });
    sorted_ = end;
  }

  const float* logits_;
  std::vector<int32_t> order_;
  size_t sorted_ = 0;
};

int64_t Sampler::sample(const float* logits, int64_t count) {
  Ranking ranking(logits, count);
  const auto keep = static_cast<size_t>(top_k_ > 0 ? std::min<int64_t>(count, top_k_) : count);
  const double largest = logits[ranking[0]];
  const auto weight = [&](int64_t token) {
    return std::exp((logits[token] - largest) / temperature_);
  };
  double total = 0.0;
  if (static_cast<int64_t>(keep) == count) {
    for (int64_t i = 0; i < count; ++i) total += weight(i);
  } else {
    for (size_t i = 0; i < keep; ++i) total += weight(ranking[i]);
  }
  // The likeliest that together have top_p of it.
  double covered = total;
  size_t last = keep;
  if (top_p_ < 1.0) {
    covered = 0.0;
    for (last = 0; last < keep && covered < top_p_ * total; ++last) {
      covered += weight(ranking[last]);
    }
  }
  // Not std::discrete_distribution: its result differs between standard libraries.
  const double target = static_cast<double>(random_() >> 11) * 0x1.0p-53 * covered;
  double sum = 0.0;
  size_t chosen = 0;
  while (chosen + 1 < last && (sum += weight(ranking[chosen])) <= target) ++chosen;
  return ranking[chosen];
}

}  // namespace relata::engine
