#include "batch.h"

#include <random>

namespace relata::train {

StepWeights step_weights(const std::vector<Row>& rows, const std::vector<int64_t>& indices) {
  StepWeights sums;
  for (const int64_t index : indices) {
    const Row& row = rows[index];
    for (size_t i = 1; i < row.ids.size(); ++i) {
      sums.primary += row.weights[i];
      if (!row.secondary.empty()) sums.secondary += row.secondary[i];
    }
  }
  return sums;
}

PackedRows pack_rows(const std::vector<Row>& rows, const std::vector<int64_t>& indices,
                     const StepWeights& sums, double prompt_weight, const TrainerConfig& config,
                     uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto drop_below =
      static_cast<uint64_t>(config.token_dropout * static_cast<double>(UINT64_MAX >> 11));
  std::vector<std::vector<int32_t>> sequences;
  std::vector<int64_t> positions, targets;
  std::vector<float> weights;
  PackedRows packed;
  int64_t base = 0;
  for (const int64_t index : indices) {
    const Row& row = rows[index];
    sequences.push_back(row.ids);
    for (size_t i = 1; i < row.ids.size(); ++i) {
      double weight = sums.primary > 0 ? row.weights[i] / sums.primary : 0.0;
      if (row.weights[i] > 0) ++packed.answer_tokens;
      if (prompt_weight > 0 && !row.secondary.empty() && sums.secondary > 0) {
        weight += prompt_weight * row.secondary[i] / sums.secondary;
      }
      if (weight > 0) {
        positions.push_back(base + static_cast<int64_t>(i) - 1);
        targets.push_back(row.ids[i]);
        weights.push_back(static_cast<float>(weight));
      }
      if (config.token_dropout > 0 && row.weights[i] == 0 && (random() >> 11) < drop_below) {
        sequences.back()[i] = static_cast<int32_t>(config.token_dropout_id);
      }
    }
    base += static_cast<int64_t>(row.ids.size());
  }
  packed.batch = model::Batch::of(sequences);
  packed.rows = at::tensor(positions, at::kLong);
  packed.targets = at::tensor(targets, at::kLong);
  packed.weights = at::tensor(weights, at::kFloat);
  packed.tokens = base;
  return packed;
}

}  // namespace relata::train
