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

int64_t Sampler::sample(const float* logits, int64_t count) {
  std::vector<int32_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  int64_t keep = count;
  if (top_k_ > 0) keep = std::min<int64_t>(keep, top_k_);
  std::partial_sort(order.begin(), order.begin() + keep, order.end(), [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  std::vector<double> weights;
  double total = 0.0;
  for (int64_t i = 0; i < keep; ++i) {
    weights.push_back(std::exp((logits[order[i]] - logits[order[0]]) / temperature_));
    total += weights.back();
  }
  double covered = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    covered += weights[i];
    if (covered >= top_p_ * total) {
      weights.resize(i + 1);
      break;
    }
  }
  // Not std::discrete_distribution: its result differs between standard libraries.
  const double target = static_cast<double>(random_() >> 11) * 0x1.0p-53 * covered;
  double sum = 0.0;
  size_t chosen = 0;
  while (chosen + 1 < weights.size() && (sum += weights[chosen]) <= target) ++chosen;
  return order[chosen];
}

}  // namespace relata::engine
