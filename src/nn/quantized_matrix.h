// A matrix of quantised rows, and its products.
#pragma once

#include <vector>

#include "relata/nn/quantized.h"

namespace relata::nn {

// Parts of one width, one under the other. Immutable: any number of threads may use it.
class QuantizedMatrix {
 public:
  // Of a panel: enough for a product to be worth its start, few beside any model.
  static constexpr int64_t kPanelNumbers = int64_t{1} << 24;
  explicit QuantizedMatrix(std::vector<QuantizedRows> parts, int64_t panel_numbers = kPanelNumbers);
  int64_t out() const { return out_; }
  int64_t in() const { return in_; }
  const std::vector<QuantizedRows>& parts() const { return parts_; }

  // x [N, in] -> [N, out] in x's type, float32 or bfloat16. Panels of rows, or single rows where x
  // has few, are turned into that type, multiplied and forgotten: the numbers are those of a
  // matrix dequantised into x's type. Not differentiable.
  at::Tensor multiply(const at::Tensor& x, const at::Tensor& bias) const;
  // y [N, out] -> y W [N, in]: what the gradient of multiply() is. By panels of columns, so that
  // every sum is rounded once.
  at::Tensor multiply_transposed(const at::Tensor& y) const;
  at::Tensor dense(at::ScalarType type) const;
  // [N, in] float32.
  at::Tensor rows(const at::Tensor& ids) const;

 private:
  at::Tensor multiply_few(const at::Tensor& x, const at::Tensor& bias) const;
  at::Tensor panel(Span rows, Span columns, at::ScalarType type) const;

  std::vector<QuantizedRows> parts_;
  int64_t out_ = 0, in_ = 0, column_step_ = 1, panel_numbers_ = 0;
};

}  // namespace relata::nn
