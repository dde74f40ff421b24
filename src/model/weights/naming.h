// The weights of a model under the names of a checkpoint.
#pragma once

#include <string>
#include <vector>

#include "arch/architecture.h"
#include "relata/model/decoder.h"

namespace relata::model {

// Rows [row, row + rows) of one of a block's projections, as a module of the checkpoint.
struct Slice {
  std::string module;  // "model.layers.0.self_attn.q_proj"
  nn::Linear* linear = nullptr;
  int64_t row = 0;
  int64_t rows = 0;
  // Where each of our rows lies in the stored module; empty: in the same order.
  std::vector<int64_t> stored_rows;
};
// `layer`: among all blocks, the encoder's first.
std::vector<Slice> slices_of(Block& block, int64_t layer, const DecoderConfig& config,
                             const Naming& all_names);

// For targets that match none of the model's modules.
Error no_target(Block& block, const DecoderConfig& config);

struct NamedWeight {
  std::string name;  // with ".weight" or ".bias"
  at::Tensor value;  // a view of the model's
  std::vector<int64_t> stored_rows;
  double offset = 0.0;  // ours is what is stored plus this
};

// Before the modules of the model, in the names of an adapter's tensors.
inline constexpr const char* kAdapterPrefix = "base_model.model.";

// `rows[i]` of a stored tensor for each of ours, and the way back.
std::vector<int64_t> inverse_rows(const std::vector<int64_t>& stored_rows);

}  // namespace relata::model
