// How panels of GGUF blocks lie in memory: a unit holds one block of each of 16 rows.
//
//   header   a half-precision scale of each row; where the type has minima, one of each row
//   steps    32 elements of each row: one for small blocks, eight for K blocks
//     scales   K blocks: a byte for each row; then minima, a byte for each row; Q6_K has scales of
//              16 elements, so two bytes: of all rows' first halves, of all rows' second halves
//     high     the bits above the low four, 64 bytes for each: high_vector(), high_shift()
//     low      four bits: 4 vectors, vector v, byte j: element 4 v + j % 4 of row j / 4 in its low
//              half, element 16 + 4 v + j % 4 in its high half. Eight bits: 8 vectors, vector g,
//              byte j: element 4 g + j % 4 of row j / 4
//
// Elements are unsigned numbers; a format's kZero is the number that stands for 0.
#pragma once

#include <cstdint>

#include "relata/base/ggml_type.h"
#include "relata/kernels/block_product.h"

namespace relata::kernels {

constexpr int kStep = 32;  // elements
constexpr int kGroup = 4;  // elements whose products one instruction adds up
constexpr int kGroups = kStep / kGroup;
constexpr int kVector = 64;               // bytes: kGroup elements of each row of a panel
constexpr int kHalves = 2 * kBlockPanel;  // bytes: a half-precision number of each row

enum class Scales {
  kOne,      // of a block
  kBytes,    // of a step, times the block's: K blocks
  kTwoBytes  // of half a step, signed: Q6_K
};

// low, high: bits of a number. zero_bits: kZero = 2^zero_bits, or -1: kZero = 0.
template <int low, int high, int zero_bits, bool minimum, Scales scales>
struct BlockFormat {
  static constexpr int kLow = low;
  static constexpr int kHigh = high;
  static constexpr int kBits = low + high;
  static constexpr int kZeroBits = zero_bits;
  static constexpr int kZero = zero_bits < 0 ? 0 : 1 << zero_bits;
  static constexpr bool kMinimum = minimum;
  static constexpr Scales kScales = scales;
  static constexpr int kSteps = scales == Scales::kOne ? 1 : 8;
  static constexpr int kHeaderBytes = kHalves * (minimum ? 2 : 1);
  static constexpr int kScaleBytes = scales == Scales::kOne ? 0 : 2 * kBlockPanel;
  static constexpr int kHighBytes = kVector * high;
  static constexpr int kLowBytes = kGroups * kVector * low / 8;
  static constexpr int kStepBytes = kScaleBytes + kHighBytes + kLowBytes;
  static constexpr int kUnitBytes = kHeaderBytes + kSteps * kStepBytes;
};

using FormatQ40 = BlockFormat<4, 0, 3, false, Scales::kOne>;
using FormatQ41 = BlockFormat<4, 0, -1, true, Scales::kOne>;
using FormatQ50 = BlockFormat<4, 1, 4, false, Scales::kOne>;
using FormatQ51 = BlockFormat<4, 1, -1, true, Scales::kOne>;
using FormatQ80 = BlockFormat<8, 0, 7, false, Scales::kOne>;
using FormatQ4K = BlockFormat<4, 0, -1, true, Scales::kBytes>;
using FormatQ5K = BlockFormat<4, 1, -1, true, Scales::kBytes>;
using FormatQ6K = BlockFormat<4, 2, 5, false, Scales::kTwoBytes>;

// Calls body with an object of the type's format; without it, returns `otherwise`.
template <class Result, class Body>
Result with_format(GgmlType type, Result otherwise, const Body& body) {
  switch (type) {
    case GgmlType::kQ40:
      return body(FormatQ40());
    case GgmlType::kQ41:
      return body(FormatQ41());
    case GgmlType::kQ50:
      return body(FormatQ50());
    case GgmlType::kQ51:
      return body(FormatQ51());
    case GgmlType::kQ80:
      return body(FormatQ80());
    case GgmlType::kQ4K:
      return body(FormatQ4K());
    case GgmlType::kQ5K:
      return body(FormatQ5K());
    case GgmlType::kQ6K:
      return body(FormatQ6K());
    default:
      return otherwise;
  }
}

// Where the high bits of group g lie in a byte of vector high_vector(): from bit high_shift().
constexpr int high_vector(int high, int g) { return high == 2 ? g / 4 : 0; }
constexpr int high_shift(int high, int g) { return high == 2 ? 2 * (g % 4) : g; }

// A tile of `rows` rows of x against all units of a panel, into y [rows, kBlockPanel].
using MultiplyTile = void (*)(const uint8_t* panel, const QuantizedBlock* x, int64_t k, float* y);
// The kernel of an instruction set for a tile that holds `rows` rows, one of kTileRows.
constexpr int kTileRows[] = {1, 2, 4, 8, 12, 16};
MultiplyTile scalar_tile(GgmlType type, int64_t rows);
MultiplyTile avx2_tile(GgmlType type, int64_t rows);
MultiplyTile avx512_tile(GgmlType type, int64_t rows);

}  // namespace relata::kernels
