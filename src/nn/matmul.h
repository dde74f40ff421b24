// LibTorch's products of dense matrices. Where it has none of bfloat16 for this CPU but plain
// loops, those go through float32, which is ten times as fast.
#pragma once

#include <ATen/ATen.h>

#include <optional>

namespace relata::nn {

// Whether LibTorch's CPU library multiplies bfloat16 here (oneDNN, from AVX-512 on); what
// pack_weight() needs.
bool has_bfloat16_products();

// x w^T (+ bias) of one type.
at::Tensor multiply_transposed(const at::Tensor& x, const at::Tensor& w,
                               const std::optional<at::Tensor>& bias = {});
// a b of one type.
at::Tensor multiply(const at::Tensor& a, const at::Tensor& b);

}  // namespace relata::nn
