// From the blocks of a GGUF file to panels, and from panels to floats.
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "blocks/layout.h"
#include "gguf_fields.h"
#include "relata/kernels/block_product.h"
#include "relata/kernels/gguf_blocks.h"

namespace relata::kernels {
namespace {

using Numbers = std::array<uint8_t, kStep>;

// One step of one row, as read from a file's block.
struct Step {
  Numbers numbers = {};
  std::array<uint8_t, 2> scales = {};  // as in the panel
};

Step read_step(GgmlType type, const uint8_t* block, int step) {
  Step out;
  const auto six_bits = [&] {
    std::array<uint8_t, 8> scales, minima;
    unpack_six_bits(block + 4, scales, minima);
    out.scales = {scales[step], minima[step]};
  };
  switch (type) {
    case GgmlType::kQ40:
      unpack_four(block + 2, out.numbers.data());
      break;
    case GgmlType::kQ41:
      unpack_four(block + 4, out.numbers.data());
      break;
    case GgmlType::kQ50:
      unpack_five(block + 2, out.numbers.data());
      break;
    case GgmlType::kQ51:
      unpack_five(block + 4, out.numbers.data());
      break;
    case GgmlType::kQ80:
      for (int i = 0; i < kStep; ++i) out.numbers[i] = block[2 + i] ^ 0x80U;
      break;
    case GgmlType::kQ4K:
      six_bits();
      unpack_step(block + 16, step, out.numbers.data());
      break;
    case GgmlType::kQ5K:
      six_bits();
      unpack_step(block + 48, step, out.numbers.data());
      for (int i = 0; i < kStep; ++i) out.numbers[i] |= (block[16 + i] >> step & 1) << 4;
      break;
    default: {  // Q6_K: of 128 elements, 64 bytes of low halves and 32 of four pairs of high bits
      const uint8_t* low = block + step / 4 * 64 + step % 2 * 32;
      const uint8_t* high = block + 128 + step / 4 * 32;
      const int low_shift = step % 4 / 2 * 4;
      const int high_shift = step % 4 * 2;
      for (int i = 0; i < kStep; ++i) {
        out.numbers[i] = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
      }
      out.scales = {block[192 + 2 * step], block[193 + 2 * step]};
    }
  }
  return out;
}

// Where a block has its half-precision scale; its minimum follows.
int scale_offset(GgmlType type) { return type == GgmlType::kQ6K ? 208 : 0; }

// One row's numbers among those of the others.
template <class F>
void write_numbers(const Numbers& numbers, int64_t row, uint8_t* high, uint8_t* low) {
  for (int g = 0; g < kGroups; ++g) {
    for (int c = 0; c < kGroup; ++c) {
      const unsigned number = numbers[g * kGroup + c];
      const int64_t place = row * kGroup + c;
      if constexpr (F::kLow == 8) {
        low[g * kVector + place] = static_cast<uint8_t>(number);
      } else {
        low[g % 4 * kVector + place] |= static_cast<uint8_t>((number & 15U) << (g / 4 * 4));
      }
      if constexpr (F::kHigh > 0) {
        high[high_vector(F::kHigh, g) * kVector + place] |=
            static_cast<uint8_t>(number >> 4U << high_shift(F::kHigh, g));
      }
    }
  }
}

template <class F>
void read_numbers(const uint8_t* high, const uint8_t* low, int64_t row, Numbers& out) {
  for (int g = 0; g < kGroups; ++g) {
    for (int c = 0; c < kGroup; ++c) {
      const int64_t place = row * kGroup + c;
      unsigned number = 0;
      if constexpr (F::kLow == 8) {
        number = low[g * kVector + place];
      } else {
        number = static_cast<unsigned>(low[g % 4 * kVector + place]) >> (g / 4 * 4) & 15U;
      }
      if constexpr (F::kHigh > 0) {
        const unsigned bits = high[high_vector(F::kHigh, g) * kVector + place];
        number |= (bits >> high_shift(F::kHigh, g) & ((1U << F::kHigh) - 1)) << 4U;
      }
      out[g * kGroup + c] = static_cast<uint8_t>(number);
    }
  }
}

// One row's blocks into its places of a panel that is zero.
template <class F>
void pack_row(GgmlType type, const uint8_t* blocks, int64_t k, int64_t row, uint8_t* panel) {
  const int64_t block_bytes = ggml_block(type).bytes;
  for (int64_t unit = 0; unit < k / (kStep * F::kSteps); ++unit) {
    const uint8_t* block = blocks + unit * block_bytes;
    uint8_t* to = panel + unit * F::kUnitBytes;
    std::memcpy(to + 2 * row, block + scale_offset(type), 2);
    if constexpr (F::kMinimum) std::memcpy(to + kHalves + 2 * row, block + 2, 2);
    to += F::kHeaderBytes;
    for (int s = 0; s < F::kSteps; ++s, to += F::kStepBytes) {
      const Step step = read_step(type, block, s);
      if constexpr (F::kScales != Scales::kOne) {
        to[row] = step.scales[0];
        to[kBlockPanel + row] = step.scales[1];
      }
      uint8_t* high = to + F::kScaleBytes;
      write_numbers<F>(step.numbers, row, high, high + F::kHighBytes);
    }
  }
}

// A step's numbers as floats; scales and order of operations are those of dequantize().
template <class F>
void write_floats(const Numbers& numbers, const uint8_t* scales, int64_t row, float scale,
                  float minimum, float* out) {
  for (int half = 0; half < 2; ++half) {
    float factor = scale, offset = minimum;
    if constexpr (F::kScales == Scales::kBytes) {
      factor = scale * static_cast<float>(scales[row]);
      offset = -(minimum * static_cast<float>(scales[kBlockPanel + row]));
    } else if constexpr (F::kScales == Scales::kTwoBytes) {
      factor = scale * static_cast<float>(static_cast<int8_t>(scales[half * kBlockPanel + row]));
    }
    for (int i = half * kStep / 2; i < (half + 1) * kStep / 2; ++i) {
      const float value = factor * static_cast<float>(static_cast<int>(numbers[i]) - F::kZero);
      out[i] = F::kMinimum ? value + offset : value;
    }
  }
}

template <class F>
void unpack_row(const uint8_t* panel, int64_t k, int64_t row, float* out) {
  for (int64_t unit = 0; unit < k / (kStep * F::kSteps); ++unit) {
    const float scale = half_to_float(load16(panel + 2 * row));
    const float minimum = F::kMinimum ? half_to_float(load16(panel + kHalves + 2 * row)) : 0.0F;
    panel += F::kHeaderBytes;
    for (int s = 0; s < F::kSteps; ++s, panel += F::kStepBytes, out += kStep) {
      const uint8_t* high = panel + F::kScaleBytes;
      Numbers numbers;
      read_numbers<F>(high, high + F::kHighBytes, row, numbers);
      write_floats<F>(numbers, panel, row, scale, minimum, out);
    }
  }
}

void check_shape(GgmlType type, int64_t k) {
  if (!can_multiply_blocks(type) || k % ggml_block(type).elements != 0) {
    throw std::logic_error(std::string("rows of ") + std::to_string(k) + " elements of type " +
                           name_of(type) + " cannot be packed into panels");
  }
}

}  // namespace

bool can_multiply_blocks(GgmlType type) {
  return with_format(type, false, [](auto) { return true; });
}

int64_t block_panel_bytes(GgmlType type, int64_t k) {
  check_shape(type, k);
  return with_format(type, int64_t{0}, [k](auto format) {
    using F = decltype(format);
    return k / (kStep * F::kSteps) * F::kUnitBytes;
  });
}

void pack_block_panel(GgmlType type, const std::byte* rows, int64_t n, int64_t k, int64_t panel,
                      std::byte* out) {
  const int64_t bytes = block_panel_bytes(type, k);
  const int64_t row_bytes = k / ggml_block(type).elements * ggml_block(type).bytes;
  const int64_t first = panel * kBlockPanel;
  std::memset(out, 0, static_cast<size_t>(bytes));
  for (int64_t row = 0; row < std::min(kBlockPanel, n - first); ++row) {
    const auto* blocks = reinterpret_cast<const uint8_t*>(rows + (first + row) * row_bytes);
    with_format(type, 0, [&](auto format) {
      pack_row<decltype(format)>(type, blocks, k, row, reinterpret_cast<uint8_t*>(out));
      return 0;
    });
  }
}

void unpack_block_row(GgmlType type, const std::byte* panels, int64_t k, int64_t row, float* out) {
  const std::byte* panel = panels + row / kBlockPanel * block_panel_bytes(type, k);
  with_format(type, 0, [&](auto format) {
    unpack_row<decltype(format)>(reinterpret_cast<const uint8_t*>(panel), k, row % kBlockPanel,
                                 out);
    return 0;
  });
}

}  // namespace relata::kernels
