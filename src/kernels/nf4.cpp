#include "relata/kernels/nf4.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "vector.h"

// __builtin_shuffle() is GCC's.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define RELATA_SHUFFLES 1
#define RELATA_AVX512 __attribute__((target("arch=x86-64-v4")))
#endif

namespace relata::kernels {
namespace {

constexpr unsigned kHalf = 4;  // bits
constexpr unsigned kLow = 15;

// Pairs of numbers of one block.
template <class T>
void decode_pairs(const uint8_t* packed, int64_t pairs, const float* values, float scale, T* out) {
  for (int64_t i = 0; i < pairs; ++i) {
    store(out[2 * i], values[packed[i] >> kHalf] * scale);
    store(out[2 * i + 1], values[packed[i] & kLow] * scale);
  }
}

#if RELATA_SHUFFLES
using Words = uint32_t __attribute__((vector_size(64)));
using HalfWords = uint16_t __attribute__((vector_size(32), aligned(2), may_alias));

// The values of sixteen numbers in eight bytes. Every lane gets the four bytes that its number is
// in and shifts it to the bottom; a look-up in a register reads no more than the four bits there.
RELATA_AVX512 RELATA_INLINE Vector decode_sixteen(const uint8_t* packed, Vector table) {
  constexpr Words kShifts = {4, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24};
  constexpr Words kOwn = {0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31};
  std::array<uint32_t, 2> raw;
  std::memcpy(raw.data(), packed, sizeof raw);
  const Words both = __builtin_shuffle(raw[0] + Words{}, raw[1] + Words{}, kOwn);
  return __builtin_shuffle(table, both >> kShifts);
}

RELATA_AVX512 RELATA_INLINE void store_sixteen(float* out, Vector values) {
  *reinterpret_cast<Vector*>(out) = values;
}

// Rounds to nearest even; no value here is a NaN, which the check of absmax has kept out.
RELATA_AVX512 RELATA_INLINE void store_sixteen(Bf16* out, Vector values) {
  const auto bits = std::bit_cast<Words>(values);
  const Words rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  *reinterpret_cast<HalfWords*>(out) = __builtin_convertvector(rounded, HalfWords);
}

template <class T>
RELATA_AVX512 void decode_pairs_avx512(const uint8_t* packed, int64_t pairs, const float* values,
                                       float scale, T* out) {
  const Vector table = load(values);
  const int64_t whole = pairs / (kLane / 2);
  for (int64_t i = 0; i < whole; ++i) {
    store_sixteen(out + i * kLane, decode_sixteen(packed + i * kLane / 2, table) * scale);
  }
  decode_pairs(packed + whole * kLane / 2, pairs - whole * kLane / 2, values, scale,
               out + whole * kLane);
}
#endif

bool has_avx512() {
#if RELATA_SHUFFLES
  static const bool kHas = __builtin_cpu_supports("x86-64-v4") != 0;
  return kHas;
#else
  return false;
#endif
}

float absmax_of(const Nf4View& run, int64_t block) {
  if (run.codes == nullptr) return run.absmax[block];
  return run.map[run.codes[block]] * run.absmax[block / kNf4Nested] + run.offset;
}

template <class T>
void dequantize(const Nf4View& run, int64_t begin, int64_t count, T* out) {
  const int64_t end = begin + count;
  const bool fast = has_avx512();
  for (int64_t at = begin; at < end;) {
    const int64_t block = at / run.block;
    const float scale = absmax_of(run, block);
    const int64_t stop = std::min(end, (block + 1) * run.block);
    T* to = out + (at - begin);
    if (at % 2 != 0) {
      store(*to++, run.values[run.packed[at / 2] & kLow] * scale);
      ++at;
    }
    const int64_t pairs = (stop - at) / 2;
    const uint8_t* packed = run.packed + at / 2;
#if RELATA_SHUFFLES
    if (fast) {
      decode_pairs_avx512(packed, pairs, run.values, scale, to);
    } else {
      decode_pairs(packed, pairs, run.values, scale, to);
    }
#else
    decode_pairs(packed, pairs, run.values, scale, to);
#endif
    if (at + 2 * pairs < stop) {
      store(to[2 * pairs], run.values[packed[pairs] >> kHalf] * scale);
    }
    at = stop;
  }
}

// The largest size; a NaN where there is one, whose bits are above all others'.
RELATA_CLONES float largest(const float* in, int64_t count) {
  constexpr uint32_t kSize = 0x7FFFFFFF;
  uint32_t most = 0;
  for (int64_t i = 0; i < count; ++i) most = std::max(most, std::bit_cast<uint32_t>(in[i]) & kSize);
  return std::bit_cast<float>(most);
}

// A number's code is how many bounds lie below it.
constexpr std::array<float, 15> kBounds = [] {
  std::array<float, 15> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = (kNf4Values[i] + kNf4Values[i + 1]) / 2;
  return bounds;
}();

RELATA_CLONES void codes_of(const float* scaled, int64_t count, uint8_t* codes) {
  for (int64_t i = 0; i < count; ++i) {
    int code = 0;
    for (const float bound : kBounds) code += bound < scaled[i] ? 1 : 0;
    codes[i] = static_cast<uint8_t>(code);
  }
}

// Less would make the reciprocal infinite.
constexpr float kLeast = 1e-38F;

}  // namespace

void dequantize_nf4(const Nf4View& run, int64_t begin, int64_t count, float* out) {
  dequantize(run, begin, count, out);
}
void dequantize_nf4(const Nf4View& run, int64_t begin, int64_t count, Bf16* out) {
  dequantize(run, begin, count, out);
}

void quantize_nf4(const float* in, int64_t count, uint8_t* packed, float* absmax) {
  std::array<float, kNf4Block> scaled;
  std::array<uint8_t, kNf4Block> codes;
  for (int64_t begin = 0; begin < count; begin += kNf4Block) {
    const float* from = in + begin;
    const int64_t size = std::min(kNf4Block, count - begin);
    const float most = largest(from, size);
    // A block at the end that is not full is divided, a full one multiplied, as bitsandbytes does.
    const bool full = size == kNf4Block;
    const float divisor = std::max(most, kLeast);
    const float factor = 1.0F / divisor;
    for (int64_t i = 0; i < size; ++i) {
      const float value = full ? from[i] * factor : from[i] / divisor;
      scaled[static_cast<size_t>(i)] = std::clamp(value, -1.0F, 1.0F);
    }
    if (size % 2 != 0) scaled[static_cast<size_t>(size)] = 0;
    codes_of(scaled.data(), size + size % 2, codes.data());
    uint8_t* to = packed + begin / 2;
    for (size_t i = 0; i < static_cast<size_t>(size + 1) / 2; ++i) {
      to[i] = static_cast<uint8_t>(codes[2 * i] << kHalf | codes[2 * i + 1]);
    }
    absmax[begin / kNf4Block] = full ? most : divisor;
  }
}

void quantize_by_map(const float* in, int64_t count, const float* map, uint8_t* codes,
                     float* absmax) {
  constexpr int kEntries = 256;
  constexpr int kGrid = 1 << 16;
  std::vector<uint8_t> grid(kGrid);
  int entry = 0;
  for (int i = 0; i < kGrid; ++i) {
    const float value = -1.0F + 2.0F * static_cast<float>(i) / (kGrid - 1);
    while (entry < kEntries - 1 && 0.5F * (map[entry] + map[entry + 1]) < value) ++entry;
    grid[static_cast<size_t>(i)] = static_cast<uint8_t>(entry);
  }
  for (int64_t begin = 0; begin < count; begin += kNf4Nested) {
    const int64_t size = std::min(kNf4Nested, count - begin);
    const float most = largest(in + begin, size);
    absmax[begin / kNf4Nested] = most;
    const float factor = 1.0F / most;
    for (int64_t i = begin; i < begin + size; ++i) {
      if (most < kLeast) {
        codes[i] = 0;
        continue;
      }
      const float value = std::clamp(in[i] * factor, -1.0F, 1.0F);
      const float place = (value + 1.0F) * 0.5F * (kGrid - 1) + 0.5F;
      codes[i] = grid[static_cast<uint16_t>(place)];
    }
  }
}

}  // namespace relata::kernels
