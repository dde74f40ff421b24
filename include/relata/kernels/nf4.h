// NF4: four bits a number, which stand for quantiles of the normal distribution times the largest
// size in a block of 64 neighbours. These sizes, less their mean, are in turn kept in eight bits
// that 256 of them scale ("double quantisation"). Source: Dettmers et al. 2023, QLoRA, section 3.
// Bit for bit what bitsandbytes 0.50 makes and reads on a CPU.
//
// A matrix is one run of numbers, row after row: where its width is no multiple of 64, a block
// spans two rows.
#pragma once

#include <array>
#include <cstdint>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

constexpr int64_t kNf4Block = 64;    // numbers that share an absolute maximum
constexpr int64_t kNf4Nested = 256;  // absolute maxima that share one

// What the codes stand for (appendix E of the paper), from the least to the greatest.
inline constexpr std::array<float, 16> kNf4Values = {-1.0F,
                                                     -0.6961928009986877F,
                                                     -0.5250730514526367F,
                                                     -0.39491748809814453F,
                                                     -0.28444138169288635F,
                                                     -0.18477343022823334F,
                                                     -0.09105003625154495F,
                                                     0.0F,
                                                     0.07958029955625534F,
                                                     0.16093020141124725F,
                                                     0.24611230194568634F,
                                                     0.33791524171829224F,
                                                     0.44070982933044434F,
                                                     0.5626170039176941F,
                                                     0.7229568362236023F,
                                                     1.0F};

// A quantised run of numbers; pointers are the caller's and at any address.
struct Nf4View {
  const uint8_t* packed = nullptr;  // two numbers a byte, the first in the upper half
  const float* values = nullptr;    // [16]
  int64_t block = kNf4Block;        // even
  // Absolute maxima of the blocks: absmax[b]; or, where there are codes,
  // map[codes[b]] * absmax[b / kNf4Nested] + offset.
  const float* absmax = nullptr;
  const uint8_t* codes = nullptr;
  const float* map = nullptr;  // [256]
  float offset = 0;
};

// Numbers [begin, begin + count), rounded once to `out`'s type.
void dequantize_nf4(const Nf4View& run, int64_t begin, int64_t count, float* out);
void dequantize_nf4(const Nf4View& run, int64_t begin, int64_t count, Bf16* out);

// Codes [(count + 1) / 2 bytes] and absolute maxima of the blocks of `count` numbers. Blocks are
// independent: callers share a run among threads by whole blocks. A NaN makes its block's maximum
// one.
void quantize_nf4(const float* in, int64_t count, uint8_t* packed, float* absmax);

// Codes in `map` [256], which rises from near -1 to 1, of finite numbers divided by the largest
// size in each kNf4Nested of them. As in bitsandbytes a number is looked up on a grid of 2^16
// points, so that next to 0, where the map is finer, its code may not be the nearest.
void quantize_by_map(const float* in, int64_t count, const float* map, uint8_t* codes,
                     float* absmax);

}  // namespace relata::kernels
