#include "rows_objective.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "batch.h"
#include "groups.h"
#include "relata/base/hash.h"
#include "relata/model/decoder.h"

namespace relata::train {
namespace {

template <class Value>
void append_bytes(std::string& out, const std::vector<Value>& values) {
  const uint64_t count = values.size();
  out.append(reinterpret_cast<const char*>(&count), sizeof count);
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value));
}

}  // namespace

std::string RowsObjective::identity() const {
  std::string digests;
  for (const Row& row : rows_) {
    std::string bytes;
    append_bytes(bytes, row.ids);
    append_bytes(bytes, row.weights);
    append_bytes(bytes, row.secondary);
    append_bytes(bytes, std::vector<int64_t>{row.group, row.adapter});
    if (row.source > 0) append_bytes(bytes, std::vector<int64_t>{row.source});
    digests += sha256_hex(bytes);
  }
  return "sha256:" + sha256_hex(digests);
}

namespace {

// Whether the row has the parts that the model reads.
Status check_source(const Row& row, const model::DecoderConfig& config, const std::string& where) {
  const auto length = std::ssize(row.ids);
  if (config.encoder_layers == 0) {
    if (row.source == 0) return {};
    return input_error(where + ": has a source, the model takes prompts and answers in one",
                       "train an encoder-decoder such as T5 on such rows");
  }
  if (row.source < 1 || row.source + 2 > length) {
    return input_error(where +
                           ": the model is an encoder-decoder and needs rows of a source and a "
                           "target of two tokens or more",
                       "give \"source_ids\" beside \"ids\"");
  }
  for (int64_t i = 0; i <= row.source; ++i) {
    if (row.weights[static_cast<size_t>(i)] == 0) continue;
    return input_error(where + ": a loss on the source, which an encoder does not predict",
                       "leave train_on_prompt out");
  }
  return {};
}

}  // namespace

Status RowsObjective::check(const model::Decoder& model) const {
  const model::DecoderConfig& config = model.config();
  const auto adapters = static_cast<int>(std::max<size_t>(1, model.adapters().size()));
  if (rows_.empty()) {
    return input_error("there is nothing to train on",
                       "check the dataset; rows longer than cutoff_len are left out");
  }
  if (config.encoder_layers > 0 && config_.prompt_loss_weight > 0) {
    return usage_error(
        "prompt_loss_weight does not fit an encoder-decoder, which predicts no prompts",
        "leave it out");
  }
  const bool teaches = std::any_of(rows_.begin(), rows_.end(), [](const Row& row) {
    const auto counts = [](float weight) { return weight > 0; };
    return std::any_of(row.weights.begin(), row.weights.end(), counts) ||
           std::any_of(row.secondary.begin(), row.secondary.end(), counts);
  });
  if (!teaches) {
    return input_error("no token of the training rows has a loss: there is nothing to learn",
                       "give rows labels that are not -100");
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const std::string where = "training row " + std::to_string(i);
    const bool whole = row.secondary.empty() || row.secondary.size() == row.ids.size();
    if (row.ids.size() < 2 || row.weights.size() != row.ids.size() || !whole) {
      return input_error(where + ": needs two tokens or more and a weight for each");
    }
    RELATA_CHECK(check_source(row, config, where));
    if (row.adapter < 0 || row.adapter >= adapters) {
      return input_error(where + ": there is no adapter " + std::to_string(row.adapter));
    }
    const int64_t most = model::most_positions(config);
    if (static_cast<int64_t>(row.ids.size()) > most) {
      return input_error(where + ": " + std::to_string(row.ids.size()) +
                             " tokens, the model takes " + std::to_string(most),
                         "lower cutoff_len, or shorten the texts");
    }
    for (const int32_t id : row.ids) {
      if (id < 0 || id >= config.vocab_size) {
        return input_error(
            where + ": token id " + std::to_string(id) + " is outside the vocabulary",
            "tokenizer and model do not belong together");
      }
    }
  }
  return {};
}

std::vector<int64_t> RowsObjective::order(int64_t epoch) const {
  return group_order(rows_, config_, epoch);
}

int64_t RowsObjective::step_end(const std::vector<int64_t>& order, int64_t begin) const {
  return micro_batch_ends(rows_, order, begin, config_).back();
}

Result<StepLoss> RowsObjective::add_gradients(const model::Decoder& model,
                                              const StepItems& items) const {
  const std::vector<int64_t> ends = micro_batch_ends(rows_, items.order, items.begin, config_);
  const auto first = items.order.begin();
  const StepWeights sums =
      step_weights(rows_, std::vector<int64_t>(first + items.begin, first + items.end));
  const double prompt_weight =
      items.fraction < config_.prompt_loss_share ? config_.prompt_loss_weight : 0.0;
  StepLoss out;
  const int64_t share = config_.gradient_accumulation_steps;  // micro-batches of each process
  for (int64_t i = items.process * share;
       i < std::min(std::ssize(ends), (items.process + 1) * share); ++i) {
    const int64_t begin = i == 0 ? items.begin : ends[static_cast<size_t>(i) - 1];
    const std::vector<int64_t> micro(first + begin, first + ends[static_cast<size_t>(i)]);
    const uint64_t seed = (static_cast<uint64_t>(config_.seed) << 40U) +
                          static_cast<uint64_t>(items.step) * 1009U +
                          static_cast<uint64_t>(begin - items.begin);
    PackedRows packed = pack_rows(model, rows_, micro, {sums, prompt_weight, seed}, config_);
    out.tokens += packed.tokens;
    out.answer_tokens += packed.answer_tokens;
    if (packed.pass.rows.numel() == 0) continue;
    packed.pass.dropout = config_.dropout;
    packed.pass.dropout_seed = static_cast<uint32_t>(seed * 0x9E3779B97F4A7C15ULL >> 32U);
    packed.pass.gradient_checkpointing = config_.gradient_checkpointing;
    const at::Tensor hidden = model.forward(packed.pass);
    at::Tensor part = model.loss(hidden, packed.targets, packed.weights, 1.0);
    part.backward();
    out.loss += part.item<double>();
  }
  return out;
}

}  // namespace relata::train
