#include "relata/kernels/elementwise.h"

#include <algorithm>
#include <cmath>

#include "vector.h"

namespace relata::kernels {
namespace {

// A 32-bit integer hash with low bias (multiply-xorshift family); enough to pick dropout masks.
RELATA_INLINE uint32_t hash32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x21F0AAADU;
  x ^= x >> 15;
  x *= 0xD35A2D97U;
  x ^= x >> 15;
  return x;
}

RELATA_INLINE uint32_t row_key(uint32_t seed, int64_t row) {
  return hash32(seed ^ hash32(static_cast<uint32_t>(row) + 0x9E3779B9U));
}

template <class T>
RELATA_INLINE void add_norm_forward_body(const AddNorm<T>& a, int64_t first_row, int64_t rows,
                                         int64_t width, float eps, Dropout dropout) {
  const float keep_scale = 1.0F / (1.0F - dropout.probability);
  const auto threshold = static_cast<uint32_t>(dropout.probability * 4294967040.0F);
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = a.x + r * width;
    float* x_out = a.x_out + r * width;
    T* y = a.y + r * width;
    float sum = 0.0F;
    if (a.delta == nullptr) {
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; ++i) {
        x_out[i] = x[i];
        sum += x[i] * x[i];
      }
    } else if (dropout.probability == 0.0F) {
      const T* delta = a.delta + r * width;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; ++i) {
        const float value = x[i] + to_float(delta[i]);
        x_out[i] = value;
        sum += value * value;
      }
    } else {
      const T* delta = a.delta + r * width;
      const uint32_t key = row_key(dropout.seed, first_row + r);
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < width; ++i) {
        const bool keep = hash32(key + static_cast<uint32_t>(i)) >= threshold;
        const float value = x[i] + (keep ? to_float(delta[i]) * keep_scale : 0.0F);
        x_out[i] = value;
        sum += value * value;
      }
    }
    const float inverse = 1.0F / std::sqrt(sum / static_cast<float>(width) + eps);
    a.inv_rms[r] = inverse;
    const float* weight = a.weight;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(y[i], x_out[i] * inverse * weight[i]);
  }
}

template <class T>
RELATA_INLINE void add_norm_backward_body(const AddNormGrad<T>& a, int64_t first_row, int64_t rows,
                                          int64_t width, Dropout dropout) {
  const float keep_scale = 1.0F / (1.0F - dropout.probability);
  const auto threshold = static_cast<uint32_t>(dropout.probability * 4294967040.0F);
  const float* weight = a.weight;
  float* dweight = a.dweight;
  for (int64_t r = 0; r < rows; ++r) {
    const T* dy = a.dy + r * width;
    const float* x = a.x_out + r * width;
    float* dx = a.dx + r * width;
    const float inverse = a.inv_rms[r];
    float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < width; ++i) {
      const float g = to_float(dy[i]);
      dot += g * weight[i] * x[i];
      dweight[i] += g * x[i] * inverse;
    }
    const float mean = dot * inverse * inverse / static_cast<float>(width);
    if (a.dx_out != nullptr) {
      const float* from_above = a.dx_out + r * width;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        dx[i] = from_above[i] + inverse * (to_float(dy[i]) * weight[i] - x[i] * mean);
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        dx[i] = inverse * (to_float(dy[i]) * weight[i] - x[i] * mean);
      }
    }
    if (a.ddelta == nullptr) continue;
    T* ddelta = a.ddelta + r * width;
    if (dropout.probability == 0.0F) {
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) store(ddelta[i], dx[i]);
    } else {
      const uint32_t key = row_key(dropout.seed, first_row + r);
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        const bool keep = hash32(key + static_cast<uint32_t>(i)) >= threshold;
        store(ddelta[i], keep ? dx[i] * keep_scale : 0.0F);
      }
    }
  }
}

template <class T>
RELATA_INLINE void swiglu_forward_body(const T* gate_up, T* out, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* gate = gate_up + r * 2 * width;
    const T* up = gate + width;
    T* o = out + r * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const float g = to_float(gate[i]);
      store(o[i], g / (1.0F + fast_exp(-g)) * to_float(up[i]));
    }
  }
}

template <class T>
RELATA_INLINE void swiglu_backward_body(const T* dout, const T* gate_up, T* dgate_up, int64_t rows,
                                        int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* gate = gate_up + r * 2 * width;
    const T* up = gate + width;
    const T* d = dout + r * width;
    T* dgate = dgate_up + r * 2 * width;
    T* dup = dgate + width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const float g = to_float(gate[i]);
      const float s = 1.0F / (1.0F + fast_exp(-g));
      const float go = to_float(d[i]);
      store(dgate[i], go * to_float(up[i]) * s * (1.0F + g * (1.0F - s)));
      store(dup[i], go * g * s);
    }
  }
}

template <class T>
RELATA_INLINE void rotate_heads_body(const T* in, int64_t in_stride, T* out, int64_t out_stride,
                                     const float* cos, const float* sin, int64_t rows,
                                     int64_t heads, int64_t head_width, int direction) {
  const int64_t half = head_width / 2;
  const auto sign = static_cast<float>(direction);
  for (int64_t r = 0; r < rows; ++r) {
    const float* c = cos + r * half;
    const float* s = sin + r * half;
    for (int64_t h = 0; h < heads; ++h) {
      const T* a = in + r * in_stride + h * head_width;
      T* o = out + r * out_stride + h * head_width;
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float first = to_float(a[i]);
        const float second = to_float(a[i + half]);
        store(o[i], first * c[i] - sign * second * s[i]);
        store(o[i + half], second * c[i] + sign * first * s[i]);
      }
    }
  }
}

}  // namespace

RELATA_CLONES void add_norm_forward(const AddNorm<float>& a, int64_t first_row, int64_t rows,
                                    int64_t width, float eps, Dropout dropout) {
  add_norm_forward_body(a, first_row, rows, width, eps, dropout);
}
RELATA_CLONES void add_norm_forward(const AddNorm<Bf16>& a, int64_t first_row, int64_t rows,
                                    int64_t width, float eps, Dropout dropout) {
  add_norm_forward_body(a, first_row, rows, width, eps, dropout);
}
RELATA_CLONES void add_norm_backward(const AddNormGrad<float>& a, int64_t first_row, int64_t rows,
                                     int64_t width, Dropout dropout) {
  add_norm_backward_body(a, first_row, rows, width, dropout);
}
RELATA_CLONES void add_norm_backward(const AddNormGrad<Bf16>& a, int64_t first_row, int64_t rows,
                                     int64_t width, Dropout dropout) {
  add_norm_backward_body(a, first_row, rows, width, dropout);
}
RELATA_CLONES void swiglu_forward(const float* gate_up, float* out, int64_t rows, int64_t width) {
  swiglu_forward_body(gate_up, out, rows, width);
}
RELATA_CLONES void swiglu_forward(const Bf16* gate_up, Bf16* out, int64_t rows, int64_t width) {
  swiglu_forward_body(gate_up, out, rows, width);
}
RELATA_CLONES void swiglu_backward(const float* dout, const float* gate_up, float* dgate_up,
                                   int64_t rows, int64_t width) {
  swiglu_backward_body(dout, gate_up, dgate_up, rows, width);
}
RELATA_CLONES void swiglu_backward(const Bf16* dout, const Bf16* gate_up, Bf16* dgate_up,
                                   int64_t rows, int64_t width) {
  swiglu_backward_body(dout, gate_up, dgate_up, rows, width);
}
RELATA_CLONES void rotate_heads(const float* in, int64_t in_stride, float* out, int64_t out_stride,
                                const float* cos, const float* sin, int64_t rows, int64_t heads,
                                int64_t head_width, int direction) {
  rotate_heads_body(in, in_stride, out, out_stride, cos, sin, rows, heads, head_width, direction);
}
RELATA_CLONES void rotate_heads(const Bf16* in, int64_t in_stride, Bf16* out, int64_t out_stride,
                                const float* cos, const float* sin, int64_t rows, int64_t heads,
                                int64_t head_width, int direction) {
  rotate_heads_body(in, in_stride, out, out_stride, cos, sin, rows, heads, head_width, direction);
}
}  // namespace relata::kernels
