// The kernels for any processor, which the others are tested beside.
#include "blocks/layout.h"
#include "blocks/sets.h"
#include "relata/kernels/gguf_blocks.h"

namespace relata::kernels {
namespace {

constexpr int kLanes = 4;
constexpr int kMostRows = 4;
using Floats = float __attribute__((vector_size(16)));
using Ints = int32_t __attribute__((vector_size(16)));
using Bytes = uint8_t __attribute__((vector_size(16)));
using Shorts = uint16_t __attribute__((vector_size(16)));

RELATA_INLINE Floats load_halves(const uint8_t* from) {
  Floats out;
  for (int i = 0; i < kLanes; ++i) {
    out[i] = half_to_float(static_cast<uint16_t>(from[2 * i] | from[2 * i + 1] << 8));
  }
  return out;
}

RELATA_INLINE Floats load_bytes(const uint8_t* from) {
  Floats out;
  for (int i = 0; i < kLanes; ++i) out[i] = from[i];
  return out;
}

RELATA_INLINE Floats load_signed(const uint8_t* from) {
  Floats out;
  for (int i = 0; i < kLanes; ++i) out[i] = static_cast<int8_t>(from[i]);
  return out;
}

template <class F, int first, int last>
RELATA_INLINE Ints dot(const Bytes* numbers, const int8_t* x, int32_t start) {
  Ints sum = Ints{} + start;
  for (int g = first; g < last; ++g) {
    for (int i = 0; i < kLanes; ++i) {
      for (int c = 0; c < kGroup; ++c) {
        sum[i] += static_cast<int32_t>(numbers[g][i * kGroup + c]) * x[g * kGroup + c];
      }
    }
  }
  return sum;
}

#include "blocks/tile.inc.h"

}  // namespace

MultiplyTile scalar_tile(GgmlType type, int64_t rows) { return find_tile(type, rows); }

}  // namespace relata::kernels
