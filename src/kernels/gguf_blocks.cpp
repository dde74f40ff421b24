#include "relata/kernels/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "gguf_fields.h"
#include "vector.h"

namespace relata::kernels {
namespace {

// Layouts are those of the block structs of ggml-common.h. A block's fields follow each other
// without padding, so each decoder takes the first byte of a block.
using Bytes = const uint8_t*;

constexpr int kSmall = 32;   // elements of the blocks that share one scale
constexpr int kLarge = 256;  // elements of the K blocks: groups with scales of their own
constexpr unsigned kLow = 15;

float load_half(Bytes at) { return half_to_float(load16(at)); }

RELATA_INLINE void decode_f32(Bytes in, float* out) { std::memcpy(out, in, sizeof(float)); }
RELATA_INLINE void decode_f16(Bytes in, float* out) { *out = load_half(in); }
RELATA_INLINE void decode_bf16(Bytes in, float* out) {
  *out = std::bit_cast<float>(static_cast<uint32_t>(load16(in)) << 16U);
}

// ---- blocks of 32: the low halves of 16 bytes, then the high halves --------------------------

RELATA_INLINE void decode_q4_0(Bytes in, float* out) {
  const float scale = load_half(in);
  const Bytes packed = in + 2;
  for (int i = 0; i < kSmall / 2; ++i) {
    out[i] = scale * static_cast<float>(static_cast<int>(packed[i] & kLow) - 8);
    out[i + kSmall / 2] = scale * static_cast<float>(static_cast<int>(packed[i] >> 4U) - 8);
  }
}

RELATA_INLINE void decode_q4_1(Bytes in, float* out) {
  const float scale = load_half(in);
  const float least = load_half(in + 2);
  const Bytes packed = in + 4;
  for (int i = 0; i < kSmall / 2; ++i) {
    out[i] = scale * static_cast<float>(packed[i] & kLow) + least;
    out[i + kSmall / 2] = scale * static_cast<float>(packed[i] >> 4U) + least;
  }
}

RELATA_INLINE void decode_q5_0(Bytes in, float* out) {
  const float scale = load_half(in);
  std::array<uint8_t, kSmall> values;
  unpack_five(in + 2, values.data());
  for (int i = 0; i < kSmall; ++i) out[i] = scale * static_cast<float>(values[i] - 16);
}

RELATA_INLINE void decode_q5_1(Bytes in, float* out) {
  const float scale = load_half(in);
  const float least = load_half(in + 2);
  std::array<uint8_t, kSmall> values;
  unpack_five(in + 4, values.data());
  for (int i = 0; i < kSmall; ++i) out[i] = scale * static_cast<float>(values[i]) + least;
}

RELATA_INLINE void decode_q8_0(Bytes in, float* out) {
  const float scale = load_half(in);
  for (int i = 0; i < kSmall; ++i) {
    out[i] = static_cast<float>(static_cast<int8_t>(in[2 + i])) * scale;
  }
}

constexpr std::array<int8_t, 16> kIq4Values = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

RELATA_INLINE void decode_iq4(Bytes packed, float scale, float* out) {
  for (int i = 0; i < kSmall / 2; ++i) {
    out[i] = scale * static_cast<float>(kIq4Values[packed[i] & kLow]);
    out[i + kSmall / 2] = scale * static_cast<float>(kIq4Values[packed[i] >> 4U]);
  }
}

RELATA_INLINE void decode_iq4_nl(Bytes in, float* out) { decode_iq4(in + 2, load_half(in), out); }

// ---- K blocks: 256 elements --------------------------------------------------------------------

// Scales: 16 bytes, a scale and a minimum of four bits each; numbers: 64 bytes of four pairs of
// bits, each pair an element 32 further on; then the scale of the scales and of the minima.
RELATA_INLINE void decode_q2_k(Bytes in, float* out) {
  const Bytes packed = in + 16;
  const float scale = load_half(in + 80);
  const float minimum = load_half(in + 82);
  for (int group = 0; group < 16; ++group) {
    const float group_scale = scale * static_cast<float>(in[group] & kLow);
    const float group_minimum = minimum * static_cast<float>(in[group] >> 4U);
    const Bytes from = packed + group / 8 * 32 + group % 2 * 16;
    const int shift = group % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) {
      out[16 * group + i] =
          group_scale * static_cast<float>(static_cast<unsigned>(from[i]) >> shift & 3U) -
          group_minimum;
    }
  }
}

// Third bits: 32 bytes, bit j of byte i belongs to element 32 j + i, and where it is 0, 4 is taken
// off. Numbers as in Q2_K. Scales: 16 of six bits, four low bits in 8 bytes, two high bits in 4.
RELATA_INLINE void decode_q3_k(Bytes in, float* out) {
  const Bytes packed = in + 32;
  const Bytes scales = in + 96;
  const float scale = load_half(in + 108);
  for (int group = 0; group < 16; ++group) {
    const unsigned low = group < 8 ? scales[group] & kLow : scales[group - 8] >> 4U;
    const unsigned high = static_cast<unsigned>(scales[8 + group % 4]) >> (group / 4 * 2) & 3U;
    const float group_scale = scale * static_cast<float>(static_cast<int>(low | high << 4U) - 32);
    const Bytes from = packed + group / 8 * 32 + group % 2 * 16;
    const Bytes third = in + group % 2 * 16;
    const int shift = group % 8 / 2 * 2;
    const int bit = group / 2;
    for (int i = 0; i < 16; ++i) {
      const int number = static_cast<int>(static_cast<unsigned>(from[i]) >> shift & 3U);
      const int present = static_cast<int>(static_cast<unsigned>(third[i]) >> bit & 1U);
      out[16 * group + i] = group_scale * static_cast<float>(number - 4 * (1 - present));
    }
  }
}

RELATA_INLINE void decode_q4_k(Bytes in, float* out) {
  const float scale = load_half(in);
  const float minimum = load_half(in + 2);
  std::array<uint8_t, 8> scales;
  std::array<uint8_t, 8> minima;
  unpack_six_bits(in + 4, scales, minima);
  for (int group = 0; group < 8; ++group) {
    const float group_scale = scale * static_cast<float>(scales[group]);
    const float group_minimum = minimum * static_cast<float>(minima[group]);
    const Bytes from = in + 16 + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      out[32 * group + i] =
          group_scale * static_cast<float>(static_cast<unsigned>(from[i]) >> shift & kLow) -
          group_minimum;
    }
  }
}

// Q4_K with fifth bits: 32 bytes, bit j of byte i belongs to element 32 j + i.
RELATA_INLINE void decode_q5_k(Bytes in, float* out) {
  const float scale = load_half(in);
  const float minimum = load_half(in + 2);
  const Bytes fifth = in + 16;
  std::array<uint8_t, 8> scales;
  std::array<uint8_t, 8> minima;
  unpack_six_bits(in + 4, scales, minima);
  for (int group = 0; group < 8; ++group) {
    const float group_scale = scale * static_cast<float>(scales[group]);
    const float group_minimum = minimum * static_cast<float>(minima[group]);
    const Bytes from = in + 48 + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const unsigned low = static_cast<unsigned>(from[i]) >> shift & kLow;
      const unsigned high = static_cast<unsigned>(fifth[i]) >> group & 1U;
      out[32 * group + i] = group_scale * static_cast<float>(low | high << 4U) - group_minimum;
    }
  }
}

// Low halves: 128 bytes; the two high bits: 64 bytes; 16 signed scales; their scale.
RELATA_INLINE void decode_q6_k(Bytes in, float* out) {
  const Bytes scales = in + 192;
  const float scale = load_half(in + 208);
  for (int group = 0; group < 16; ++group) {
    const float group_scale = scale * static_cast<float>(static_cast<int8_t>(scales[group]));
    const int row = group % 8 / 2;  // of 32 elements, of a half of the block
    const Bytes low_from = in + group / 8 * 64 + row % 2 * 32 + group % 2 * 16;
    const Bytes high_from = in + 128 + group / 8 * 32 + group % 2 * 16;
    const int low_shift = row / 2 * 4;
    const int high_shift = row * 2;
    for (int i = 0; i < 16; ++i) {
      const unsigned low = static_cast<unsigned>(low_from[i]) >> low_shift & kLow;
      const unsigned high = static_cast<unsigned>(high_from[i]) >> high_shift & 3U;
      out[16 * group + i] =
          group_scale * static_cast<float>(static_cast<int>(low | high << 4U) - 32);
    }
  }
}

RELATA_INLINE void decode_iq4_xs(Bytes in, float* out) {
  const float scale = load_half(in);
  const unsigned high_bits = load16(in + 2);
  for (int group = 0; group < 8; ++group) {
    const unsigned low = static_cast<unsigned>(in[4 + group / 2]) >> (group % 2 * 4) & kLow;
    const unsigned high = high_bits >> (2 * group) & 3U;
    const float group_scale = scale * static_cast<float>(static_cast<int>(low | high << 4U) - 32);
    decode_iq4(in + 8 + 16 * group, group_scale, out + 32 * group);
  }
}

RELATA_CLONES void round_all(const float* in, Bf16* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) store(out[i], in[i]);
}

// ---- choosing ----------------------------------------------------------------------------------

template <void decode(Bytes, float*), int64_t kBytes, int64_t kElements>
RELATA_INLINE void decode_all(Bytes in, float* out, int64_t blocks) {
  for (int64_t i = 0; i < blocks; ++i) decode(in + i * kBytes, out + i * kElements);
}

using DecodeAll = void (*)(Bytes in, float* out, int64_t blocks);

DecodeAll decoder_of(GgmlType type) {
  switch (type) {
    case GgmlType::kF32:
      return decode_all<decode_f32, 4, 1>;
    case GgmlType::kF16:
      return decode_all<decode_f16, 2, 1>;
    case GgmlType::kBf16:
      return decode_all<decode_bf16, 2, 1>;
    case GgmlType::kQ40:
      return decode_all<decode_q4_0, 18, kSmall>;
    case GgmlType::kQ41:
      return decode_all<decode_q4_1, 20, kSmall>;
    case GgmlType::kQ50:
      return decode_all<decode_q5_0, 22, kSmall>;
    case GgmlType::kQ51:
      return decode_all<decode_q5_1, 24, kSmall>;
    case GgmlType::kQ80:
      return decode_all<decode_q8_0, 34, kSmall>;
    case GgmlType::kIq4Nl:
      return decode_all<decode_iq4_nl, 18, kSmall>;
    case GgmlType::kQ2K:
      return decode_all<decode_q2_k, 84, kLarge>;
    case GgmlType::kQ3K:
      return decode_all<decode_q3_k, 110, kLarge>;
    case GgmlType::kQ4K:
      return decode_all<decode_q4_k, 144, kLarge>;
    case GgmlType::kQ5K:
      return decode_all<decode_q5_k, 176, kLarge>;
    case GgmlType::kQ6K:
      return decode_all<decode_q6_k, 210, kLarge>;
    case GgmlType::kIq4Xs:
      return decode_all<decode_iq4_xs, 136, kLarge>;
    default:
      return nullptr;
  }
}

constexpr unsigned kHalfMantissa = 10;  // bits
constexpr unsigned kFloatMantissa = 23;
constexpr uint32_t kMantissaGap = kFloatMantissa - kHalfMantissa;
constexpr uint32_t kBiasGap = (127 - 15) << kFloatMantissa;
constexpr uint32_t kFloatInfinity = 0x7F800000;
constexpr uint32_t kHalfInfinity = 0x7C00;

}  // namespace

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16U;
  const uint32_t magnitude = (bits & 0x7FFFU) << kMantissaGap;
  const uint32_t exponent = magnitude & (kHalfInfinity << kMantissaGap);
  uint32_t result = magnitude + kBiasGap;
  if (exponent == kHalfInfinity << kMantissaGap) result += kBiasGap;
  if (exponent == 0) {
    // A subnormal half: as 1.m times its unit, less the 1.
    const uint32_t unit = kBiasGap + (1U << kFloatMantissa);
    result = std::bit_cast<uint32_t>(std::bit_cast<float>(result + (1U << kFloatMantissa)) -
                                     std::bit_cast<float>(unit));
  }
  return std::bit_cast<float>(result | sign);
}

uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16U & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > kFloatInfinity) return sign | 0x7E00U;  // NaN
  constexpr uint32_t kSmallestNormal = kBiasGap + (1U << kFloatMantissa);
  uint32_t half = 0;
  if (magnitude < kSmallestNormal) {
    // Adding 0.5 leaves as many bits behind the point as a subnormal half has: the adder rounds.
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) -
           std::bit_cast<uint32_t>(0.5F);
  } else {
    const uint32_t odd = magnitude >> kMantissaGap & 1U;
    half = (magnitude - kBiasGap + (1U << (kMantissaGap - 1)) - 1 + odd) >> kMantissaGap;
  }
  return sign | static_cast<uint16_t>(std::min(half, kHalfInfinity));
}

bool can_dequantize(GgmlType type) { return decoder_of(type) != nullptr; }

namespace {

// The decoder of a type for bytes that must be `elements` of it.
Result<DecodeAll> find_decoder(GgmlType type, std::span<const std::byte> bytes, int64_t elements) {
  const DecodeAll decode = decoder_of(type);
  if (decode == nullptr) {
    return input_error(std::string("type ") + name_of(type) + " is not supported",
                       "get the model in F16, BF16, F32, Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K, Q5_0, "
                       "Q5_1, Q4_0, Q4_1, IQ4_NL or IQ4_XS");
  }
  const GgmlBlock block = ggml_block(type);
  const int64_t blocks = elements / block.elements;
  if (elements % block.elements != 0 ||
      static_cast<uint64_t>(blocks * block.bytes) != bytes.size()) {
    throw std::logic_error(std::string("dequantize(): ") + std::to_string(bytes.size()) +
                           " bytes are not " + std::to_string(elements) + " elements of " +
                           name_of(type));
  }
  return decode;
}

}  // namespace

Status dequantize(GgmlType type, std::span<const std::byte> bytes, float* out, int64_t elements) {
  RELATA_TRY(const DecodeAll decode, find_decoder(type, bytes, elements));
  decode(reinterpret_cast<Bytes>(bytes.data()), out, elements / ggml_block(type).elements);
  return {};
}

Status dequantize(GgmlType type, std::span<const std::byte> bytes, Bf16* out, int64_t elements) {
  RELATA_TRY(const DecodeAll decode, find_decoder(type, bytes, elements));
  constexpr int64_t kPiece = 1024;  // floats that stay in the nearest cache
  std::array<float, kPiece> floats;
  const GgmlBlock block = ggml_block(type);
  const int64_t step = kPiece / block.elements;
  const auto* in = reinterpret_cast<Bytes>(bytes.data());
  const int64_t blocks = elements / block.elements;
  for (int64_t begin = 0; begin < blocks; begin += step) {
    const int64_t count = std::min(step, blocks - begin);
    decode(in + begin * block.bytes, floats.data(), count);
    round_all(floats.data(), out + begin * block.elements, count * block.elements);
  }
  return {};
}

void quantize_q8_0(const float* in, int64_t elements, std::byte* out) {
  if (elements % kSmall != 0) {
    throw std::logic_error("quantize_q8_0(): " + std::to_string(elements) +
                           " is no multiple of 32");
  }
  const auto block_bytes = ggml_block(GgmlType::kQ80).bytes;
  for (int64_t block = 0; block < elements / kSmall; ++block) {
    const float* from = in + block * kSmall;
    std::byte* to = out + block * block_bytes;
    float most = 0;
    for (int i = 0; i < kSmall; ++i) {
      const float size = std::fabs(from[i]);
      most = size > most || std::isnan(size) ? size : most;
      if (std::isnan(most)) break;
    }
    const float scale = most / 127;
    const float inverse = scale == 0 ? 0 : 1 / scale;
    const uint16_t half = float_to_half(scale);
    std::memcpy(to, &half, sizeof half);
    for (int i = 0; i < kSmall; ++i) {
      // Not finite: the block's scale says so, or is too small for any number to count.
      const float number = std::round(from[i] * inverse);
      const auto small = static_cast<int8_t>(std::isfinite(number) ? number : 0.0F);
      to[2 + i] = static_cast<std::byte>(small);
    }
  }
}

}  // namespace relata::kernels
