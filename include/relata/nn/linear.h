// A projection with its bias and the adapters that may act on it, chosen row by row.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "relata/nn/weight.h"

namespace relata::nn {

// Which adapter acts on which rows of an input. No adapter acts on rows that are not named.
struct RowAdapters {
  struct Group {
    int adapter = 0;
    at::Tensor rows;  // [n] int64; undefined: all rows
  };
  std::vector<Group> groups;
  static RowAdapters all(int adapter);  // -1: none
  // `adapters` [N]: the adapter of each row, -1 for none. `device`: the inputs'.
  static RowAdapters of(const std::vector<int>& adapters, at::Device device = at::kCPU);
};

// LoRA (Hu et al. 2021) on the rows [row, row + rows) of a projection: y += scale B A x.
struct LoraSlice {
  int adapter = 0;
  std::string name;  // PEFT's module path, e.g. "model.layers.0.self_attn.q_proj"
  int64_t row = 0;
  int64_t rows = 0;
  double scale = 1.0;
  double dropout = 0.0;  // on x, while gradients are enabled
  Weight a;              // [rank, in]
  Weight b;              // [rows, rank]
};

// Several matrices of a checkpoint may be fused into one.
struct Linear {
  Weight weight;
  at::Tensor bias;  // [out]; may be undefined
  std::vector<LoraSlice> loras;
  // x [N, in] -> [N, out], in x's type.
  at::Tensor forward(const at::Tensor& x, const RowAdapters& adapters) const;
};

}  // namespace relata::nn
