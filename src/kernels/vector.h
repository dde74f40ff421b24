// What the kernels share: one source compiled for several instruction sets, and exp().
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "relata/kernels/bf16.h"

// Sanitizers instrument the resolver of multi-versioned functions before their runtime is ready.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define RELATA_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RELATA_CLONES
#endif
#define RELATA_INLINE inline __attribute__((always_inline))

namespace relata::kernels {

// Sixteen floats, split where the machine's registers are shorter.
using Vector = float __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int64_t kLane = 16;

RELATA_INLINE Vector load(const float* in) { return *reinterpret_cast<const Vector*>(in); }
RELATA_INLINE Vector load(const Bf16* in) {
  using Halves = uint16_t __attribute__((vector_size(32), aligned(2), may_alias));
  using Words = uint32_t __attribute__((vector_size(64)));
  const Words words = __builtin_convertvector(*reinterpret_cast<const Halves*>(in), Words) << 16U;
  return std::bit_cast<Vector>(words);
}

// exp(x) by 2^n * polynomial; relative error below 3e-7 on the clamped range. Written out so that
// loops over it vectorise.
RELATA_INLINE float fast_exp(float x) {
  x = std::min(std::max(x, -87.0F), 88.0F);
  const float scaled = x * 1.44269504088896F;
  const float n = std::floor(scaled + 0.5F);
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto exponent = static_cast<int32_t>(n);
  return p * std::bit_cast<float>((exponent + 127) << 23);
}

}  // namespace relata::kernels
