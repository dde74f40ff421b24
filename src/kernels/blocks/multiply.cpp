// Rounding x to 8 bits, and choosing the kernel that multiplies it.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "blocks/layout.h"
#include "relata/kernels/block_product.h"
#include "vector.h"

namespace relata::kernels {
namespace {

// Rows of a tile of which `wanted` count.
int64_t tile_rows(int64_t wanted) {
  return *std::lower_bound(std::begin(kTileRows), std::end(kTileRows), wanted);
}

template <class T>
RELATA_INLINE void quantize_block(const T* x, QuantizedBlock& out) {
  constexpr float kLargest = 127.0F;
  // Added to a small number, it leaves no bits behind the point: rounding to the nearest integer,
  // to even between two, which stands in the low bits then.
  constexpr float kRounder = 12582912.0F;
  constexpr float kSmallest = 1e-36F;  // whose inverse times 127 is finite
  float most = 0.0F, nothing = 0.0F;   // 0, or NaN where one is not finite
  float values[kStep];
#pragma omp simd reduction(max : most) reduction(+ : nothing)
  for (int i = 0; i < kStep; ++i) {
    values[i] = to_float(x[i]);
    most = std::max(most, std::fabs(values[i]));
    nothing += values[i] * 0.0F;
  }
  const bool counts = most > kSmallest && nothing == 0.0F;
  const float inverse = counts ? kLargest / most : 0.0F;
  int32_t half[2] = {};
  for (int h = 0; h < 2; ++h) {
    int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = h * kStep / 2; i < (h + 1) * kStep / 2; ++i) {
      const auto bits = std::bit_cast<int32_t>((counts ? values[i] * inverse : 0.0F) + kRounder);
      const int32_t number = bits - std::bit_cast<int32_t>(kRounder);
      out.values[i] = static_cast<int8_t>(number);
      sum += number;
    }
    half[h] = sum;
  }
  out.scale = counts ? most / kLargest : nothing;
  out.scaled_sum = out.scale * static_cast<float>(half[0] + half[1]);
  out.negated_sum = -(half[0] + half[1]);
  out.negated_half = -half[0];
}

template <class T>
RELATA_INLINE void quantize_tile_body(const T* x, int64_t stride, int64_t m, int64_t k,
                                      int64_t tile, QuantizedBlock* out) {
  const int64_t first = tile * kQuantizedTile;
  const int64_t wanted = std::min(kQuantizedTile, m - first);
  const int64_t rows = tile_rows(wanted);
  const int64_t blocks = k / kStep;
  out += first * blocks;
  for (int64_t row = 0; row < wanted; ++row) {
    const T* from = x + (first + row) * stride;
    for (int64_t block = 0; block < blocks; ++block) {
      quantize_block(from + block * kStep, out[block * rows + row]);
    }
  }
  for (int64_t block = 0; block < blocks; ++block) {
    std::fill(out + block * rows + wanted, out + (block + 1) * rows, QuantizedBlock{});
  }
}

MultiplyTile find_tile(GgmlType type, int64_t rows, Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return avx512_tile(type, rows);
    case Isa::kAvx2:
      return avx2_tile(type, rows);
    default:
      return scalar_tile(type, rows);
  }
}

template <class T>
void multiply_body(const BlockProduct<T>& p, int64_t panel, int64_t tile, Isa isa) {
  const int64_t first = tile * kQuantizedTile;
  const int64_t rows = std::min(kQuantizedTile, p.m - first);
  const int64_t column = panel * kBlockPanel;
  const int64_t columns = std::min(kBlockPanel, p.n - column);
  const auto* from =
      reinterpret_cast<const uint8_t*>(p.panels) + panel * block_panel_bytes(p.type, p.k);
  alignas(64) float sums[kQuantizedTile * kBlockPanel];
  find_tile(p.type, tile_rows(rows), isa)(from, p.x + first * (p.k / kStep), p.k, sums);
  float bias[kBlockPanel] = {};
  if (p.bias != nullptr) std::copy_n(p.bias + column, columns, bias);
  for (int64_t row = 0; row < rows; ++row) {
    T* y = p.y + (first + row) * p.stride + column;
    const float* sum = sums + row * kBlockPanel;
    for (int64_t i = 0; i < columns; ++i) store(y[i], sum[i] + bias[i]);
  }
}

}  // namespace

int64_t quantized_blocks(int64_t m, int64_t k) {
  const int64_t whole = m / kQuantizedTile * kQuantizedTile;
  return (whole + (m > whole ? tile_rows(m - whole) : 0)) * (k / kStep);
}

RELATA_CLONES void quantize_tile(const float* x, int64_t stride, int64_t m, int64_t k, int64_t tile,
                                 QuantizedBlock* out) {
  quantize_tile_body(x, stride, m, k, tile, out);
}
RELATA_CLONES void quantize_tile(const Bf16* x, int64_t stride, int64_t m, int64_t k, int64_t tile,
                                 QuantizedBlock* out) {
  quantize_tile_body(x, stride, m, k, tile, out);
}

void multiply_blocks(const BlockProduct<float>& p, int64_t panel, int64_t tile, Isa isa) {
  multiply_body(p, panel, tile, isa);
}
void multiply_blocks(const BlockProduct<Bf16>& p, int64_t panel, int64_t tile, Isa isa) {
  multiply_body(p, panel, tile, isa);
}

}  // namespace relata::kernels
