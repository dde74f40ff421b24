// A matrix of a model: the only place that knows how its numbers are stored and which copies of
// them products read.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "relata/nn/quantized.h"

namespace relata::nn {

// legend: N rows of the input; [out, in] the matrix.
// Const members may be called from several threads at once. Copies of a Weight share all.
class Weight {
 public:
  Weight() = default;
  // [out, in], float32, bfloat16 or float16. `unit_rows`: products read rows scaled to length 1.
  explicit Weight(at::Tensor value, bool unit_rows = false);
  // Rows that stay quantised, one part under the other, all of one width. They are not trained.
  explicit Weight(std::vector<QuantizedRows> parts);
  bool defined() const { return form_ != nullptr; }
  bool quantized() const;
  // The parts of a quantised weight; empty for a dense one and after keep_packed_only().
  const std::vector<QuantizedRows>& parts() const;
  int64_t out() const;
  int64_t in() const;
  // Moves the numbers to the device, of all copies of this; trained ones stay trained. To be called
  // before other threads have the weight.
  void to(at::Device device);

  // As stored and trained; undefined where it is quantised and after keep_packed_only().
  const at::Tensor& value() const;
  // In `type`: the value itself where that is its type, else a copy that is kept until changed(),
  // or a new one each time where it is quantised.
  at::Tensor dense(at::ScalarType type) const;

  // x W^T (+ bias): x [N, in] -> [N, out] in x's type. Differentiable in x and, where it is
  // trained, in the value, whose gradient goes to add_gradient(). Without gradients a packed copy
  // is used. Of a quantised weight panels are turned into x's type, multiplied and forgotten, in
  // the backward pass again.
  at::Tensor multiply(const at::Tensor& x, const at::Tensor& bias) const;
  // Rows of the matrix for ids [N] -> [N, in] float32, differentiable likewise.
  at::Tensor rows(const at::Tensor& ids) const;
  // linear_cross_entropy() with this matrix as the head.
  at::Tensor loss(const at::Tensor& hidden, const at::Tensor& targets, const at::Tensor& weights,
                  double divisor) const;

  // To be called after the value changed: copies are made again when they are asked for.
  void changed();
  // The same where kept_copy() was brought up to date with the value.
  void changed_with_copy();
  // The copy in `type` that an optimiser should keep equal to the value; undefined if there is none
  // or it is out of date.
  at::Tensor kept_copy(at::ScalarType type) const;
  // For inference in `type` alone: frees the value where a packed form can stand for it. Blocks of
  // a GGUF file are packed for products that round x to 8 bits (kernels/block_product.h), in any
  // type. To be called before other threads have the weight.
  void keep_packed_only(at::ScalarType type);

 private:
  struct Form;
  std::shared_ptr<Form> form_;
};

}  // namespace relata::nn
