// bfloat16 as a plain 16-bit type: the upper half of a float, rounded to nearest even.
#pragma once

#include <bit>
#include <cstdint>

namespace relata::kernels {

struct Bf16 {
  uint16_t bits;
};

inline float to_float(float value) { return value; }
inline float to_float(Bf16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}
inline void store(float& out, float value) { out = value; }
inline void store(Bf16& out, float value) {
  // NaN stays NaN for every payload that arithmetic produces: the quiet bit is in the upper half.
  const auto bits = std::bit_cast<uint32_t>(value);
  out.bits = static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace relata::kernels
