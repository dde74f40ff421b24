#include "batch.h"

#include <map>
#include <random>

#include "relata/model/prefix_tree.h"

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

namespace {

// Shorter common beginnings cost more in bookkeeping than they save.
constexpr int64_t kMinShared = 16;

// The rows' tokens, prompt tokens dropped at random.
std::vector<std::vector<int32_t>> drop_tokens(const std::vector<Row>& rows,
                                              const std::vector<int64_t>& indices,
                                              const TrainerConfig& config, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto drop_below =
      static_cast<uint64_t>(config.token_dropout * static_cast<double>(UINT64_MAX >> 11));
  std::vector<std::vector<int32_t>> sequences;
  for (const int64_t index : indices) {
    const Row& row = rows[index];
    std::vector<int32_t>& ids = sequences.emplace_back(row.ids);
    for (size_t i = 1; config.token_dropout > 0 && i < ids.size(); ++i) {
      const bool starts_target = row.source > 0 && static_cast<int64_t>(i) == row.source;
      if (row.weights[i] == 0 && !starts_target && (random() >> 11) < drop_below) {
        ids[i] = static_cast<int32_t>(config.token_dropout_id);
      }
    }
  }
  return sequences;
}

}  // namespace

PackedRows pack_rows(const model::Decoder& model, const std::vector<Row>& rows,
                     const std::vector<int64_t>& indices, const PackOptions& options,
                     const TrainerConfig& config) {
  const auto& [sums, prompt_weight, seed] = options;
  std::vector<model::Sequence> list;
  for (std::vector<int32_t>& ids : drop_tokens(rows, indices, config, seed)) {
    model::Sequence& sequence = list.emplace_back();
    const Row& row = rows[static_cast<size_t>(indices[list.size() - 1])];
    sequence.ids = std::move(ids);
    sequence.source = static_cast<size_t>(row.source);
    if (model.adapters().empty()) continue;
    sequence.adapter = row.adapter;
    sequence.adapter_begin = model::adapter_begin(
        model.adapters()[static_cast<size_t>(sequence.adapter)].config, sequence.ids);
  }
  model::PackedSequences sequences = model::pack_sequences(list, kMinShared);
  PackedRows packed;
  // Predictions that rows share are made once, with the sum of their weights.
  std::map<std::pair<int64_t, int32_t>, double> predictions;  // (packed row, target) -> weight
  for (size_t s = 0; s < indices.size(); ++s) {
    const Row& row = rows[indices[s]];
    packed.tokens += static_cast<int64_t>(row.ids.size());
    for (size_t i = 1; i < row.ids.size(); ++i) {
      double weight = sums.primary > 0 ? row.weights[i] / sums.primary : 0.0;
      if (row.weights[i] > 0) ++packed.answer_tokens;
      if (prompt_weight > 0 && !row.secondary.empty() && sums.secondary > 0) {
        weight += prompt_weight * row.secondary[i] / sums.secondary;
      }
      if (weight > 0) predictions[{sequences.rows[s][i - 1], row.ids[i]}] += weight;
    }
  }
  std::vector<int64_t> positions, targets;
  std::vector<float> weights;
  for (const auto& [prediction, weight] : predictions) {
    positions.push_back(prediction.first);
    targets.push_back(prediction.second);
    weights.push_back(static_cast<float>(weight));
  }
  packed.pass = std::move(sequences.pass);
  packed.pass.rows = at::tensor(positions, at::kLong);
  packed.targets = at::tensor(targets, at::kLong);
  packed.weights = at::tensor(weights, at::kFloat);
  return packed;
}

}  // namespace relata::train
