// Sampling beside the plain way: all tokens sorted, then summed up one by one.
#include "sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace relata::engine {
namespace {

std::vector<float> random_logits(int64_t count, float size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, size);
  std::vector<float> logits(static_cast<size_t>(count));
  for (float& value : logits) value = normal(random);
  for (size_t i = 0; i + 7 < logits.size(); i += 50) logits[i + 7] = logits[i];  // equals
  return logits;
}

int64_t plain_sample(const std::vector<float>& logits, const generate::GenerateRequest& request,
                     std::mt19937_64& random) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  if (request.top_k > 0 && static_cast<size_t>(request.top_k) < order.size()) {
    order.resize(static_cast<size_t>(request.top_k));
  }
  std::vector<double> weights;
  for (const int32_t token : order) {
    weights.push_back(std::exp((logits[token] - logits[order[0]]) / request.temperature));
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double covered = 0.0;
  size_t last = 0;
  while (last < weights.size() && covered < request.top_p * total) covered += weights[last++];
  double target = static_cast<double>(random() >> 11) * 0x1.0p-53 * covered;
  size_t chosen = 0;
  while (chosen + 1 < last && (target -= weights[chosen]) >= 0) ++chosen;
  return order[chosen];
}

TEST(Sampler, ChoosesAsThePlainWay) {
  for (const int64_t count : {1, 5, 63, 64, 65, 700, 5000}) {
    for (const float size : {0.3F, 2.0F, 8.0F}) {
      for (const int top_k : {0, 1, 40}) {
        for (const double top_p : {1.0, 0.9, 0.2}) {
          generate::GenerateRequest request;
          request.temperature = 0.8;
          request.top_k = top_k;
          request.top_p = top_p;
          request.seed = 3;
          Sampler sampler(request);
          std::mt19937_64 random(request.seed);
          for (uint32_t draw = 0; draw < 8; ++draw) {
            const std::vector<float> logits = random_logits(count, size, draw);
            const auto [token, logprob] = sampler.pick(logits.data(), count);
            ASSERT_EQ(token, plain_sample(logits, request, random))
                << count << " " << size << " " << top_k << " " << top_p;
            ASSERT_LE(logprob, 1e-6);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace relata::engine
