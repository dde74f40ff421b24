// Rounding x to 8 bits, and choosing the kernel that multiplies it.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "blocks/layout.h"
#include "relata/kernels/block_product.h"
#include "vector.h"

namespace relata::kernels {
namespace {

// Rows of a tile of which `wanted` count.
int64_t tile_rows(int64_t wanted) {
  return *std::lower_bound(std::begin(kTileRows), std::end(kTileRows), wanted);
}

using Words = int32_t __attribute__((vector_size(64)));
static_assert(kStep == 2 * kLane);

RELATA_INLINE int32_t sum_of(const Words& words) {
  int32_t sum = 0;
  for (int64_t i = 0; i < kLane; ++i) sum += words[i];
  return sum;
}

template <class T>
RELATA_INLINE void quantize_block(const T* x, QuantizedBlock& out) {
  constexpr float kLargest = 127.0F;
  // Added to a small number, it leaves no bits behind the point: rounding to the nearest integer,
  // to even between two, which stands in the low bits then.
  constexpr float kRounder = 12582912.0F;
  constexpr float kSmallest = 1e-36F;  // whose inverse times 127 is finite
  constexpr int32_t kInfinity = 0x7F800000;
  const Vector values[2] = {load(x), load(x + kLane)};
  // Sizes of floats are in the order of their bits; what is not finite is above all.
  const Words first = std::bit_cast<Words>(values[0]) & 0x7FFFFFFF;
  const Words second = std::bit_cast<Words>(values[1]) & 0x7FFFFFFF;
  const Words larger = first > second ? first : second;
  int32_t bits = 0;
  for (int64_t i = 0; i < kLane; ++i) bits = std::max(bits, larger[i]);
  const float most = std::bit_cast<float>(bits);
  out = {};
  if (bits >= kInfinity) {
    out.scale = out.scaled_sum = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  if (most < kSmallest) return;
  using Small = int8_t __attribute__((vector_size(16)));
  const float inverse = kLargest / most;
  int32_t halves[2];
  for (int h = 0; h < 2; ++h) {
    const Vector shifted = values[h] * inverse + kRounder;
    const Words numbers = std::bit_cast<Words>(shifted) - std::bit_cast<int32_t>(kRounder);
    const Small small = __builtin_convertvector(numbers, Small);
    __builtin_memcpy(out.values + h * kLane, &small, sizeof small);
    halves[h] = sum_of(numbers);
  }
  out.scale = most / kLargest;
  out.scaled_sum = out.scale * static_cast<float>(halves[0] + halves[1]);
  out.negated_sum = -(halves[0] + halves[1]);
  out.negated_half = -halves[0];
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

// y[columns] = sums + bias. Of whole panels the compiler knows how many.
template <class T>
RELATA_INLINE void add_bias(const float* sums, const float* bias, int64_t columns, T* y) {
  if (columns == kBlockPanel) {
    for (int64_t i = 0; i < kBlockPanel; ++i) store(y[i], sums[i] + bias[i]);
  } else {
    for (int64_t i = 0; i < columns; ++i) store(y[i], sums[i] + bias[i]);
  }
}

template <class T>
RELATA_INLINE void multiply_body(const BlockProduct<T>& p, int64_t panel, int64_t tile, Isa isa) {
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
    add_bias(sums + row * kBlockPanel, bias, columns, p.y + (first + row) * p.stride + column);
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

RELATA_CLONES void multiply_blocks(const BlockProduct<float>& p, int64_t panel, int64_t tile,
                                   Isa isa) {
  multiply_body(p, panel, tile, isa);
}
RELATA_CLONES void multiply_blocks(const BlockProduct<Bf16>& p, int64_t panel, int64_t tile,
                                   Isa isa) {
  multiply_body(p, panel, tile, isa);
}

}  // namespace relata::kernels
