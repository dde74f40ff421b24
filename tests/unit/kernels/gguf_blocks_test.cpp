#include "relata/kernels/gguf_blocks.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "relata/base/gguf.h"

namespace relata::kernels {
namespace {

// Blocks and their values by the `gguf` package (tests/golden/gguf_blocks.py); a fresh file, which
// the golden tests make, is named by RELATA_GGUF_BLOCKS.
std::string blocks_file() {
  const char* fresh = std::getenv("RELATA_GGUF_BLOCKS");
  return fresh != nullptr ? fresh : RELATA_TEST_FILES "/kernels/gguf_blocks.gguf";
}

std::vector<float> floats_of(const GgufTensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

bool same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

TEST(GgufBlocks, EqualTheReference) {
  const auto file = GgufFile::open(blocks_file()).value();
  int types = 0;
  for (const GgufTensor& tensor : file->tensors()) {
    const GgufTensor* wanted = file->find(tensor.name + ".values");
    if (wanted == nullptr) continue;
    ++types;
    EXPECT_TRUE(can_dequantize(tensor.type)) << tensor.name;
    const std::vector<float> values = floats_of(*wanted);
    // Guards on both sides show what is written beyond the elements.
    std::vector<float> out(values.size() + 2, 1234.5F);
    ASSERT_TRUE(
        dequantize(tensor.type, tensor.bytes, out.data() + 1, static_cast<int64_t>(values.size()))
            .ok());
    EXPECT_EQ(out.front(), 1234.5F);
    EXPECT_EQ(out.back(), 1234.5F);
    size_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) wrong += same(out[i + 1], values[i]) ? 0 : 1;
    std::vector<Bf16> halves(values.size() + 2, Bf16{77});
    ASSERT_TRUE(dequantize(tensor.type, tensor.bytes, halves.data() + 1,
                           static_cast<int64_t>(values.size()))
                    .ok());
    EXPECT_EQ(halves.front().bits, 77);
    EXPECT_EQ(halves.back().bits, 77);
    for (size_t i = 0; i < values.size(); ++i) {
      Bf16 rounded;
      store(rounded, values[i]);
      const bool nan = std::isnan(values[i]) && std::isnan(to_float(halves[i + 1]));
      wrong += halves[i + 1].bits == rounded.bits || nan ? 0 : 1;
    }
    EXPECT_EQ(wrong, 0U) << tensor.name << " of " << values.size();
  }
  EXPECT_EQ(types, 15);
}

TEST(GgufBlocks, AnyAddressWillDo) {
  const auto file = GgufFile::open(blocks_file()).value();
  const GgufTensor& tensor = *file->find("Q6_K");
  const std::vector<float> values = floats_of(*file->find("Q6_K.values"));
  std::vector<std::byte> shifted(tensor.bytes.size() + 1);
  std::memcpy(shifted.data() + 1, tensor.bytes.data(), tensor.bytes.size());
  std::vector<float> out(values.size());
  ASSERT_TRUE(dequantize(tensor.type, std::span(shifted).subspan(1), out.data(),
                         static_cast<int64_t>(out.size()))
                  .ok());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_TRUE(same(out[i], values[i])) << i;
}

TEST(GgufBlocks, QuantizesAsTheReference) {
  const auto file = GgufFile::open(blocks_file()).value();
  const std::vector<float> values = floats_of(*file->find("floats"));
  const GgufTensor& wanted = *file->find("floats.blocks");
  std::vector<std::byte> out(wanted.bytes.size());
  quantize_q8_0(values.data(), static_cast<int64_t>(values.size()), out.data());
  size_t wrong = 0;
  for (size_t i = 0; i < out.size(); ++i) wrong += out[i] == wanted.bytes[i] ? 0 : 1;
  EXPECT_EQ(wrong, 0U);
}

TEST(GgufBlocks, QuantizingShowsWhatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<float> values(32, 1.0F);
    values[5] = bad;
    values[6] = 2.0F;
    std::vector<std::byte> out(34);
    quantize_q8_0(values.data(), 32, out.data());
    uint16_t scale = 0;
    std::memcpy(&scale, out.data(), sizeof scale);
    EXPECT_FALSE(std::isfinite(half_to_float(scale)));
  }
}

TEST(GgufBlocks, RefusesOtherTypesByName) {
  EXPECT_FALSE(can_dequantize(GgmlType::kIq2Xs));
  const Status done = dequantize(GgmlType::kIq2Xs, {}, static_cast<float*>(nullptr), 0);
  EXPECT_EQ(done.error().message, "type IQ2_XS is not supported");
  EXPECT_FALSE(done.error().hint.empty());
}

TEST(GgufBlocks, RefusesOtherSizes) {
  std::vector<std::byte> bytes(18);
  std::vector<float> out(64);
  EXPECT_THROW(static_cast<void>(dequantize(GgmlType::kQ40, bytes, out.data(), 64)),
               std::logic_error);
  EXPECT_THROW(static_cast<void>(dequantize(GgmlType::kQ40, bytes, out.data(), 31)),
               std::logic_error);
  EXPECT_THROW(quantize_q8_0(out.data(), 33, bytes.data()), std::logic_error);
}

TEST(HalfPrecision, GoesThereAndBack) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const float value = half_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    } else {
      EXPECT_EQ(float_to_half(value), bits);
    }
  }
}

TEST(HalfPrecision, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(65519.0F), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0F), 0x7C00);
  EXPECT_EQ(float_to_half(1.0F + std::ldexp(1.0F, -11)), 0x3C00);      // a tie, to even
  EXPECT_EQ(float_to_half(1.0F + 3 * std::ldexp(1.0F, -11)), 0x3C02);  // the next tie
  EXPECT_EQ(float_to_half(std::ldexp(1.0F, -25)), 0x0000);             // a tie with zero
  EXPECT_EQ(float_to_half(std::ldexp(3.0F, -26)), 0x0001);
  EXPECT_EQ(float_to_half(-std::ldexp(1.0F, -24)), 0x8001);
  EXPECT_EQ(float_to_half(1e-40F), 0x0000);
}

}  // namespace
}  // namespace relata::kernels
