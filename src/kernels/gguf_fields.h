// Fields of GGUF blocks that several types pack the same way.
#pragma once

#include <array>
#include <cstdint>

#include "vector.h"

namespace relata::kernels {

RELATA_INLINE uint16_t load16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] | static_cast<unsigned>(at[1]) << 8U);
}
RELATA_INLINE uint32_t load32(const uint8_t* at) {
  return load16(at) | static_cast<uint32_t>(load16(at + 2)) << 16U;
}

// Numbers of four bits: the low halves of 16 bytes, then the high halves.
RELATA_INLINE void unpack_four(const uint8_t* in, uint8_t* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = in[i] & 15U;
    out[i + 16] = in[i] >> 4U;
  }
}

// Numbers of five bits, whose fifth bits lie together in front.
RELATA_INLINE void unpack_five(const uint8_t* in, uint8_t* out) {
  const uint32_t fifth = load32(in);
  unpack_four(in + 4, out);
  for (unsigned i = 0; i < 32; ++i) out[i] |= static_cast<uint8_t>((fifth >> i & 1U) << 4U);
}

// Eight scales and eight minima of six bits in 12 bytes: the first four of each whole, of the last
// four the low halves in bytes 8 to 11 and the two high bits on top of the first eight bytes.
RELATA_INLINE void unpack_six_bits(const uint8_t* in, std::array<uint8_t, 8>& scales,
                                   std::array<uint8_t, 8>& minima) {
  for (int i = 0; i < 4; ++i) {
    scales[i] = in[i] & 63U;
    minima[i] = in[i + 4] & 63U;
    scales[i + 4] = static_cast<uint8_t>((in[i + 8] & 15U) | (in[i] >> 6U) << 4U);
    minima[i + 4] = static_cast<uint8_t>(in[i + 8] >> 4U | (in[i + 4] >> 6U) << 4U);
  }
}

// Step `step` of a K block: 32 numbers of four bits, two steps to 32 bytes.
RELATA_INLINE void unpack_step(const uint8_t* packed, int step, uint8_t* out) {
  const uint8_t* from = packed + step / 2 * 32;
  const int shift = step % 2 * 4;
  for (int i = 0; i < 32; ++i) out[i] = static_cast<uint8_t>(from[i] >> shift & 15);
}

}  // namespace relata::kernels
