// The kernels for AVX2: products of bytes are added up in pairs to 16 bits, which saturate; how
// many such sums may be added before they become 32 bits depends on the numbers' width.
#include "blocks/layout.h"
#include "blocks/sets.h"

#if defined(RELATA_BLOCKS_X86)
#include <immintrin.h>

RELATA_SET_BEGIN("avx2,fma,f16c")
namespace relata::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kMostRows = 4;
using Floats = float __attribute__((vector_size(32)));
using Ints = int32_t __attribute__((vector_size(32)));
using Bytes = uint8_t __attribute__((vector_size(32)));
using Shorts = uint16_t __attribute__((vector_size(32)));

RELATA_INLINE Floats load_halves(const uint8_t* from) {
  return (Floats)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

RELATA_INLINE Floats load_bytes(const uint8_t* from) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return __builtin_convertvector((Ints)_mm256_cvtepu8_epi32(bytes), Floats);
}

RELATA_INLINE Floats load_signed(const uint8_t* from) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return __builtin_convertvector((Ints)_mm256_cvtepi8_epi32(bytes), Floats);
}

template <class F, int first, int last>
RELATA_INLINE Ints dot(const Bytes* numbers, const int8_t* x, int32_t start) {
  // Of eight bits, the signed numbers' sizes are multiplied with x of their signs: pairs are at
  // most 2 * 128 * 127. The zero is taken off then.
  constexpr bool kSigned = F::kBits == 8;
  constexpr int kMost = kSigned ? 128 : (1 << F::kBits) - 1;
  constexpr int kSums = 32767 / (2 * kMost * 127);
  static_assert(kSums >= 1);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum = F::kZeroBits < 0 || kSigned ? _mm256_setzero_si256() : _mm256_set1_epi32(start);
  __m256i pairs = _mm256_setzero_si256();
  for (int g = first; g < last; ++g) {
    int32_t four;
    __builtin_memcpy(&four, x + g * kGroup, sizeof four);
    auto number = (__m256i)numbers[g];
    __m256i factor = _mm256_set1_epi32(four);
    if constexpr (kSigned) {
      number = _mm256_xor_si256(number, _mm256_set1_epi8(-128));
      factor = _mm256_sign_epi8(factor, number);
      number = _mm256_abs_epi8(number);
    }
    const __m256i products = _mm256_maddubs_epi16(number, factor);
    const bool starts = (g - first) % kSums == 0;
    pairs = starts ? products : _mm256_add_epi16(pairs, products);
    if ((g - first) % kSums == kSums - 1 || g == last - 1) {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
  }
  return (Ints)sum;
}

#include "blocks/tile.inc.h"

}  // namespace

MultiplyTile avx2_tile(GgmlType type, int64_t rows) { return find_tile(type, rows); }

}  // namespace relata::kernels
RELATA_SET_END
#else
namespace relata::kernels {
MultiplyTile avx2_tile(GgmlType type, int64_t rows) { return scalar_tile(type, rows); }
}  // namespace relata::kernels
#endif
