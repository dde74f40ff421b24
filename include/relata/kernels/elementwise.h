// Row-wise kernels of the Llama block. Every matrix is dense and row-major; a call works on the
// rows it is given, so the caller owns the threads. T is float or Bf16. Arithmetic is in float.
//
// legend: R rows, D model width, F feed-forward width, H query heads, K key/value heads, E head
// width. Each function is compiled for AVX-512, AVX2 and baseline x86-64 and chosen at load time.
#pragma once

#include <cstdint>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

// Inverted dropout whose mask is a hash of (seed, element index), so that the backward pass makes
// it again and none is stored. probability 0 switches it off.
struct Dropout {
  float probability = 0.0F;
  uint32_t seed = 0;
};

// x_out = x + dropout(delta); y = x_out * inv_rms * weight, with inv_rms = rsqrt(mean(x_out^2) +
// eps). delta may be null. first_row numbers the rows for the dropout mask. x, x_out [R, D] float;
// delta, y [R, D] T; weight [D]; inv_rms [R]. x_out may be x.
template <class T>
struct AddNorm {
  const float* x;
  const T* delta;
  const float* weight;
  float* x_out;
  T* y;
  float* inv_rms;
};
void add_norm_forward(const AddNorm<float>& a, int64_t first_row, int64_t rows, int64_t width,
                      float eps, Dropout dropout);
void add_norm_forward(const AddNorm<Bf16>& a, int64_t first_row, int64_t rows, int64_t width,
                      float eps, Dropout dropout);

// Gradients of add_norm_forward. dx_out (the gradient that reaches x_out from elsewhere) may be
// null; ddelta may be null; dweight [D] is added to.
template <class T>
struct AddNormGrad {
  const T* dy;
  const float* dx_out;
  const float* x_out;
  const float* weight;
  const float* inv_rms;
  float* dx;
  T* ddelta;
  float* dweight;
};
void add_norm_backward(const AddNormGrad<float>& a, int64_t first_row, int64_t rows, int64_t width,
                       Dropout dropout);
void add_norm_backward(const AddNormGrad<Bf16>& a, int64_t first_row, int64_t rows, int64_t width,
                       Dropout dropout);

// out = silu(gate) * up, with gate_up [R, 2F] = gate beside up; out [R, F].
void swiglu_forward(const float* gate_up, float* out, int64_t rows, int64_t width);
void swiglu_forward(const Bf16* gate_up, Bf16* out, int64_t rows, int64_t width);
void swiglu_backward(const float* dout, const float* gate_up, float* dgate_up, int64_t rows,
                     int64_t width);
void swiglu_backward(const Bf16* dout, const Bf16* gate_up, Bf16* dgate_up, int64_t rows,
                     int64_t width);

// Rotates pairs (i, i + E/2) of every head by the row's angles, the "rotate half" form of
// Transformers' Llama. in rows have stride in_stride elements; out is [R, heads, E] dense when
// out_stride is heads * E. cos, sin [R, E/2]. direction +1 rotates, -1 rotates back (the gradient).
void rotate_heads(const float* in, int64_t in_stride, float* out, int64_t out_stride,
                  const float* cos, const float* sin, int64_t rows, int64_t heads,
                  int64_t head_width, int direction);
void rotate_heads(const Bf16* in, int64_t in_stride, Bf16* out, int64_t out_stride,
                  const float* cos, const float* sin, int64_t rows, int64_t heads,
                  int64_t head_width, int direction);

}  // namespace relata::kernels
