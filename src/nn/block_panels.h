// A matrix of GGUF blocks, packed for products that round x to 8 bits (kernels/block_product.h).
#pragma once

#include <optional>
#include <vector>

#include "relata/nn/quantized.h"

namespace relata::nn {

// Immutable: any number of threads may use it. Copies share the panels.
class BlockPanels {
 public:
  // Nothing where a part is NF4, of a type that has no such kernel, or not on the CPU. Cost: one
  // pass over the parts; about as many bytes as they have.
  static std::optional<BlockPanels> pack(const std::vector<QuantizedRows>& parts);

  // x [N, in], float32 or bfloat16, -> x W^T (+ bias) [N, out] in x's type. Not differentiable. A
  // row's result does not depend on the others, nor on how many there are.
  at::Tensor multiply(const at::Tensor& x, const at::Tensor& bias) const;
  // The numbers that the blocks stand for: rows of ids [N] -> [N, in] float32; all of them [out,
  // in].
  at::Tensor rows(const at::Tensor& ids) const;
  at::Tensor dense(at::ScalarType type) const;

 private:
  struct Part {
    GgmlType type = GgmlType::kF32;
    int64_t first = 0;  // row
    int64_t count = 0;  // rows
    at::Tensor panels;  // uint8 [block_panels(count), bytes of a panel]
  };
  template <class T>
  void multiply_rows(const at::Tensor& x, const float* bias, const at::Tensor& y) const;
  void unpack_row(int64_t row, float* out) const;

  std::vector<Part> parts_;
  int64_t out_ = 0, in_ = 0;
  int64_t panels_ = 0;  // of all parts
};

}  // namespace relata::nn
