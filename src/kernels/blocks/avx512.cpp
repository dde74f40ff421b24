// The kernels for AVX-512 with VNNI: one instruction multiplies 64 bytes and adds up fours of them.
#include "blocks/layout.h"
#include "blocks/sets.h"

#if defined(RELATA_BLOCKS_X86)
#include <immintrin.h>

RELATA_SET_BEGIN("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
namespace relata::kernels {
namespace {

constexpr int kLanes = 16;
constexpr int kMostRows = 16;
using Floats = float __attribute__((vector_size(64)));
using Ints = int32_t __attribute__((vector_size(64)));
using Bytes = uint8_t __attribute__((vector_size(64)));
using Shorts = uint16_t __attribute__((vector_size(64)));

RELATA_INLINE Floats load_halves(const uint8_t* from) {
  // The forms without a mask make GCC 12 warn of what its own header leaves undefined.
  return (Floats)_mm512_maskz_cvtph_ps(0xFFFF,
                                       _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

RELATA_INLINE Floats load_bytes(const uint8_t* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return __builtin_convertvector((Ints)_mm512_maskz_cvtepu8_epi32(0xFFFF, bytes), Floats);
}

RELATA_INLINE Floats load_signed(const uint8_t* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return __builtin_convertvector((Ints)_mm512_maskz_cvtepi8_epi32(0xFFFF, bytes), Floats);
}

template <class F, int first, int last>
RELATA_INLINE Ints dot(const Bytes* numbers, const int8_t* x, int32_t start) {
  __m512i sum = F::kZeroBits < 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(start);
  for (int g = first; g < last; ++g) {
    int32_t four;
    __builtin_memcpy(&four, x + g * kGroup, sizeof four);
    sum = _mm512_dpbusd_epi32(sum, (__m512i)numbers[g], _mm512_set1_epi32(four));
  }
  return (Ints)sum;
}

#include "blocks/tile.inc.h"

}  // namespace

MultiplyTile avx512_tile(GgmlType type, int64_t rows) { return find_tile(type, rows); }

}  // namespace relata::kernels
RELATA_SET_END
#else
namespace relata::kernels {
MultiplyTile avx512_tile(GgmlType type, int64_t rows) { return scalar_tile(type, rows); }
}  // namespace relata::kernels
#endif
