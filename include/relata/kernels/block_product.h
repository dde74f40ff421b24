// Products with weights that stay in the blocks of a GGUF file, by dot products of small integers.
//
// legend: M rows of x; N rows of the weight; K their common width, a multiple of the type's block.
//
// The weight is packed once into panels of kBlockPanel rows, the same bytes in another order: what
// one vector instruction multiplies lies side by side, so that a panel is read front to back. (Q4_K
// and Q5_K take 2 to 3 % more than in the file: their six-bit scales become bytes.)
// x is rounded to 8 bits, 32 numbers to a scale, as llama.cpp's Q8_0 and Q8_1 do; for K blocks that
// is finer than llama.cpp's, which has 256 to a scale. docs/decisions/0010 has the errors.
//
// A result is the same to the last bit whatever the instruction set, whichever rows of x are
// computed together and whoever computes them: integers are exact, and what is summed as floats is
// rounded in one order. Nothing here allocates, and any number of threads may share what is read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "relata/base/ggml_type.h"
#include "relata/kernels/bf16.h"
#include "relata/kernels/isa.h"

namespace relata::kernels {

constexpr int64_t kBlockPanel = 16;

// Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K.
bool can_multiply_blocks(GgmlType type);

inline int64_t block_panels(int64_t n) { return (n + kBlockPanel - 1) / kBlockPanel; }
// Bytes of one panel.
int64_t block_panel_bytes(GgmlType type, int64_t k);

// Panel `panel` of a weight of N rows, each K / ggml_block(type).elements blocks, into
// block_panel_bytes(); rows beyond N are zeros. out: aligned to 64 bytes for speed alone.
void pack_block_panel(GgmlType type, const std::byte* rows, int64_t n, int64_t k, int64_t panel,
                      std::byte* out);
// Row `row` of the packed weight as floats [K], bit for bit as dequantize() has it.
void unpack_block_row(GgmlType type, const std::byte* panels, int64_t k, int64_t row, float* out);

// 32 numbers of x.
struct alignas(16) QuantizedBlock {
  int8_t values[32];  // -127 to 127
  float scale;        // 0 where all are 0, NaN where one is not finite
  float scaled_sum;   // scale * sum of the values
  int32_t negated_sum;
  int32_t negated_half;  // of the first 16
};

// Rows of x that are multiplied together. A tile holds up to so many, filled up with zeros to a
// number that there is a kernel for, and is laid out [K / 32, rows].
constexpr int64_t kQuantizedTile = 16;
inline int64_t quantized_tiles(int64_t m) { return (m + kQuantizedTile - 1) / kQuantizedTile; }
// Elements of the buffer for all M rows.
int64_t quantized_blocks(int64_t m, int64_t k);
// Tile `tile` of x [M, K], rows of `stride` elements, into its place in `out`.
void quantize_tile(const float* x, int64_t stride, int64_t m, int64_t k, int64_t tile,
                   QuantizedBlock* out);
void quantize_tile(const Bf16* x, int64_t stride, int64_t m, int64_t k, int64_t tile,
                   QuantizedBlock* out);

// y = x weight^T (+ bias). T is float or Bf16.
template <class T>
struct BlockProduct {
  GgmlType type;
  const std::byte* panels;  // [block_panels(n)]
  const QuantizedBlock* x;  // quantized_blocks(m, k)
  const float* bias;        // [N] or null
  T* y;                     // [M, N], rows of `stride` elements
  int64_t stride;
  int64_t m;
  int64_t n;
  int64_t k;
};

// Columns [kBlockPanel panel, kBlockPanel (panel + 1)) of the rows of `tile` of y. Cost: for few
// rows one read of the panel at the memory's speed; from about 8 on, what the processor multiplies.
void multiply_blocks(const BlockProduct<float>& p, int64_t panel, int64_t tile, Isa isa);
void multiply_blocks(const BlockProduct<Bf16>& p, int64_t panel, int64_t tile, Isa isa);

}  // namespace relata::kernels
