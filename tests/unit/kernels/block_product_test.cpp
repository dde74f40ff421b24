// Products on GGUF blocks: every instruction set beside the scalar form, to the last bit, and
// beside sums in double precision of what the blocks stand for.
#include "relata/kernels/block_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "relata/base/gguf.h"
#include "relata/kernels/gguf_blocks.h"

namespace relata::kernels {
namespace {

constexpr GgmlType kTypes[] = {GgmlType::kQ40, GgmlType::kQ41, GgmlType::kQ50, GgmlType::kQ51,
                               GgmlType::kQ80, GgmlType::kQ4K, GgmlType::kQ5K, GgmlType::kQ6K};
constexpr Isa kFast[] = {Isa::kAvx2, Isa::kAvx512};

std::vector<float> random_values(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

// Any numbers and small scales; signs and sizes of scales differ from block to block.
std::vector<std::byte> random_blocks(GgmlType type, int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  const int64_t size = ggml_block(type).bytes;
  std::vector<std::byte> blocks(static_cast<size_t>(count * size));
  for (std::byte& byte : blocks) byte = static_cast<std::byte>(random());
  std::vector<int64_t> halves = {0};
  if (type == GgmlType::kQ6K) halves = {208};
  if (type == GgmlType::kQ41 || type == GgmlType::kQ51 || type == GgmlType::kQ4K ||
      type == GgmlType::kQ5K) {
    halves = {0, 2};
  }
  for (int64_t block = 0; block < count; ++block) {
    for (const int64_t place : halves) {
      const uint16_t half = float_to_half(normal(random));
      std::memcpy(&blocks[static_cast<size_t>(block * size + place)], &half, sizeof half);
    }
  }
  return blocks;
}

// A weight in blocks, in panels and in floats.
struct PackedMatrix {
  GgmlType type;
  int64_t n, k;
  std::vector<std::byte> panels;
  std::vector<float> dense;

  PackedMatrix(GgmlType type, std::span<const std::byte> blocks, int64_t n, int64_t k)
      : type(type), n(n), k(k), dense(static_cast<size_t>(n * k)) {
    EXPECT_TRUE(dequantize(type, blocks, dense.data(), n * k).ok());
    const int64_t bytes = block_panel_bytes(type, k);
    panels.resize(static_cast<size_t>(bytes * block_panels(n)), std::byte{0xAA});
    for (int64_t panel = 0; panel < block_panels(n); ++panel) {
      pack_block_panel(type, blocks.data(), n, k, panel, panels.data() + panel * bytes);
    }
  }
};

PackedMatrix random_matrix(GgmlType type, int64_t n, int64_t k, uint32_t seed) {
  return {type, random_blocks(type, n * k / ggml_block(type).elements, seed), n, k};
}

std::vector<QuantizedBlock> quantized(const std::vector<float>& x, int64_t m, int64_t k) {
  std::vector<QuantizedBlock> out(static_cast<size_t>(quantized_blocks(m, k)));
  for (int64_t tile = 0; tile < quantized_tiles(m); ++tile) {
    quantize_tile(x.data(), k, m, k, tile, out.data());
  }
  return out;
}

// y [m, n] with a value behind each row that must stay.
template <class T>
std::vector<T> multiply(const PackedMatrix& weight, const std::vector<QuantizedBlock>& x, int64_t m,
                        const float* bias, Isa isa) {
  const int64_t stride = weight.n + 1;
  std::vector<T> y(static_cast<size_t>(m * stride));
  for (T& value : y) store(value, 77.0F);
  const BlockProduct<T> product{
      weight.type, weight.panels.data(), x.data(), bias, y.data(), stride, m, weight.n, weight.k};
  for (int64_t tile = 0; tile < quantized_tiles(m); ++tile) {
    for (int64_t panel = 0; panel < block_panels(weight.n); ++panel) {
      multiply_blocks(product, panel, tile, isa);
    }
  }
  for (int64_t row = 0; row < m; ++row) EXPECT_EQ(to_float(y[row * stride + weight.n]), 77.0F);
  return y;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

class BlockProducts : public testing::TestWithParam<GgmlType> {};

TEST_P(BlockProducts, PanelsHoldWhatTheBlocksStandFor) {
  const int64_t k = 3 * ggml_block(GetParam()).elements;
  for (const int64_t n : {1, 15, 16, 35}) {
    const PackedMatrix weight = random_matrix(GetParam(), n, k, 5);
    std::vector<float> row(static_cast<size_t>(k));
    for (int64_t i = 0; i < n; ++i) {
      unpack_block_row(weight.type, weight.panels.data(), k, i, row.data());
      EXPECT_EQ(std::memcmp(row.data(), &weight.dense[static_cast<size_t>(i * k)],
                            row.size() * sizeof(float)),
                0)
          << n << " " << i;
    }
  }
}

// The error has two parts. Rounding x: each number is off by half its block's scale at most.
// Summing: K / 16 + 4 terms at most, each of them and each partial sum rounded to 24 bits, of sizes
// that the sum of all |weight x| bounds but for the zero that is taken off: numbers up to 255 stand
// for weights from -128 to 127, and minima are summed apart from what they are added to.
TEST_P(BlockProducts, AreTheSums) {
  const int64_t block = ggml_block(GetParam()).elements;
  for (const auto& [m, n, blocks] : std::vector<std::array<int64_t, 3>>{{1, 1, 1},
                                                                        {1, 48, 5},
                                                                        {2, 17, 3},
                                                                        {3, 33, 2},
                                                                        {5, 16, 1},
                                                                        {11, 40, 2},
                                                                        {16, 15, 3},
                                                                        {17, 37, 2},
                                                                        {35, 20, 7}}) {
    const int64_t k = blocks * block;
    const PackedMatrix weight = random_matrix(GetParam(), n, k, 7);
    const std::vector<float> x = random_values(m * k, 8), bias = random_values(n, 9);
    const auto y = multiply<float>(weight, quantized(x, m, k), m, bias.data(), Isa::kScalar);
    for (int64_t row = 0; row < m; ++row) {
      for (int64_t column = 0; column < n; ++column) {
        double sum = bias[column], allowed = 0.0, size = std::abs(sum);
        for (int64_t begin = 0; begin < k; begin += 32) {
          double most = 0.0, weights = 0.0;
          for (int64_t i = begin; i < begin + 32; ++i) {
            const double w = weight.dense[column * k + i], value = x[row * k + i];
            sum += w * value;
            weights += std::abs(w);
            most = std::max(most, std::abs(value));
          }
          allowed += weights * most / 254.0 * (1.0 + 1e-6);
          size += 256.0 * weights * most;
        }
        allowed += static_cast<double>(k / 16 + 4) * size * 0x1p-24;
        ASSERT_NEAR(y[row * (n + 1) + column], sum, allowed) << m << " " << row << " " << column;
      }
    }
  }
}

TEST_P(BlockProducts, AreTheSameOnEveryInstructionSet) {
  const int64_t block = ggml_block(GetParam()).elements;
  for (const Isa isa : kFast) {
    if (!can_run(isa)) continue;
    for (int64_t m = 1; m <= 18; ++m) {
      const int64_t n = 1 + 7 * m, k = block * (1 + m % 4);
      const PackedMatrix weight = random_matrix(GetParam(), n, k, static_cast<uint32_t>(m));
      const auto x = quantized(random_values(m * k, 3), m, k);
      const std::vector<float> bias = random_values(n, 4);
      EXPECT_TRUE(same_bits(multiply<float>(weight, x, m, bias.data(), isa),
                            multiply<float>(weight, x, m, bias.data(), Isa::kScalar)))
          << name_of(isa) << " " << m;
      EXPECT_TRUE(same_bits(multiply<Bf16>(weight, x, m, nullptr, isa),
                            multiply<Bf16>(weight, x, m, nullptr, Isa::kScalar)))
          << name_of(isa) << " " << m;
    }
  }
}

// The largest sums that integers of 16 bits could meet.
TEST_P(BlockProducts, DoNotSaturate) {
  const int64_t k = ggml_block(GetParam()).elements, n = 16;
  const int64_t count = n * k / ggml_block(GetParam()).elements;
  for (const uint8_t byte : {0x00, 0x80, 0xFF, 0x7F}) {
    auto blocks = random_blocks(GetParam(), count, 1);
    const auto scales = blocks;
    std::fill(blocks.begin(), blocks.end(), static_cast<std::byte>(byte));
    const int64_t size = ggml_block(GetParam()).bytes;
    for (int64_t i = 0; i < count; ++i) {  // scales as they were
      const int64_t place = i * size + (GetParam() == GgmlType::kQ6K ? 208 : 0);
      std::copy_n(scales.begin() + place, GetParam() == GgmlType::kQ6K ? 2 : 4,
                  blocks.begin() + place);
    }
    const PackedMatrix weight(GetParam(), blocks, n, k);
    for (const float value : {1.0F, -1.0F}) {
      const std::vector<float> x(static_cast<size_t>(k), value);
      const auto q = quantized(x, 1, k);
      const auto wanted = multiply<float>(weight, q, 1, nullptr, Isa::kScalar);
      for (const Isa isa : kFast) {
        if (can_run(isa)) {
          EXPECT_TRUE(same_bits(multiply<float>(weight, q, 1, nullptr, isa), wanted));
        }
      }
    }
  }
}

TEST_P(BlockProducts, DoNotDependOnTheOtherRows) {
  const int64_t n = 20, k = 2 * ggml_block(GetParam()).elements, m = 19;
  const PackedMatrix weight = random_matrix(GetParam(), n, k, 11);
  const std::vector<float> x = random_values(m * k, 12);
  const auto together = multiply<float>(weight, quantized(x, m, k), m, nullptr, isa());
  for (int64_t row = 0; row < m; ++row) {
    const std::vector<float> own(x.begin() + row * k, x.begin() + (row + 1) * k);
    const auto alone = multiply<float>(weight, quantized(own, 1, k), 1, nullptr, isa());
    EXPECT_EQ(std::memcmp(&together[static_cast<size_t>(row * (n + 1))], alone.data(),
                          static_cast<size_t>(n) * sizeof(float)),
              0)
        << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BlockProducts, testing::ValuesIn(kTypes),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST(QuantizedRows, RoundToTheNearestAndSumUp) {
  const int64_t k = 64;
  std::vector<float> x(static_cast<size_t>(k), 0.0F);
  x[0] = 127.0F;
  x[1] = -126.5F;  // between two: to even
  x[2] = 2.5F;
  x[31] = -0.49F;
  x[17] = 3.0F;
  const auto q = quantized(x, 1, k);
  EXPECT_EQ(q[0].values[0], 127);
  EXPECT_EQ(q[0].values[1], -126);
  EXPECT_EQ(q[0].values[2], 2);
  EXPECT_EQ(q[0].values[31], 0);
  EXPECT_EQ(q[0].scale, 1.0F);
  EXPECT_EQ(q[0].negated_half, -3);
  EXPECT_EQ(q[0].negated_sum, -6);
  EXPECT_EQ(q[0].scaled_sum, 6.0F);
  EXPECT_EQ(q[1].scale, 0.0F);
  EXPECT_EQ(q[1].negated_sum, 0);
}

TEST(QuantizedRows, WhatIsNotFiniteMakesItsRowNaN) {
  const int64_t n = 17, k = 64, m = 3;
  const PackedMatrix weight = random_matrix(GgmlType::kQ40, n, k, 1);
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    std::vector<float> x = random_values(m * k, 2);
    x[static_cast<size_t>(k + 40)] = bad;
    const auto y = multiply<float>(weight, quantized(x, m, k), m, nullptr, isa());
    for (int64_t row = 0; row < m; ++row) {
      for (int64_t i = 0; i < n; ++i) EXPECT_EQ(std::isnan(y[row * (n + 1) + i]), row == 1);
    }
  }
}

TEST(QuantizedRows, AreTheSameOfBothTypes) {
  const int64_t k = 96, m = 2;
  std::vector<Bf16> narrow(static_cast<size_t>(m * k));
  std::vector<float> wide = random_values(m * k, 6);
  for (size_t i = 0; i < wide.size(); ++i) {
    store(narrow[i], wide[i]);
    wide[i] = to_float(narrow[i]);
  }
  std::vector<QuantizedBlock> of_narrow(static_cast<size_t>(quantized_blocks(m, k)));
  quantize_tile(narrow.data(), k, m, k, 0, of_narrow.data());
  EXPECT_TRUE(same_bits(of_narrow, quantized(wide, m, k)));
}

TEST(BlockProduct, TinyNumbersCountForNothing) {
  const auto q = quantized(std::vector<float>(32, 1e-39F), 1, 32);
  EXPECT_EQ(q[0].scale, 0.0F);
}

TEST(BlockProduct, RefusesTypesAndWidthsItCannotPack) {
  EXPECT_FALSE(can_multiply_blocks(GgmlType::kF16));
  EXPECT_FALSE(can_multiply_blocks(GgmlType::kQ2K));
  EXPECT_THROW(block_panel_bytes(GgmlType::kQ4K, 128), std::logic_error);
  EXPECT_THROW(block_panel_bytes(GgmlType::kF32, 128), std::logic_error);
}

// The mean squared error over the mean square of the exact products.
double relative_error(const std::vector<float>& found, const std::vector<double>& exact) {
  double error = 0.0, size = 0.0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += (found[i] - exact[i]) * (found[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return error / size;
}

// tests/golden/test_block_products.py writes the file: x, weights in blocks, and what llama.cpp's
// own kernels make of them.
TEST(BlockProduct, ErrorIsNoMoreThanLlamaCpps) {
  const char* path = std::getenv("RELATA_BLOCK_PRODUCTS");
  if (path == nullptr) GTEST_SKIP() << "tests/golden/test_block_products.py runs this";
  auto file = GgufFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto floats = [&](const std::string& name) {
    const GgufTensor* tensor = (*file)->find(name);
    EXPECT_NE(tensor, nullptr) << name;
    std::vector<float> out(tensor->bytes.size() / sizeof(float));
    std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
    return out;
  };
  // Of types whose x is rounded alike the errors are alike but for llama.cpp's scales, which have
  // 11 bits: 2^-11 / sqrt(3) on average, over the 48 blocks of a row 4e-5 of a product, beside
  // errors of 1e-2 of it. The two add up with either sign: twice their quotient, 0.8 %, over the
  // root of the number of independent errors, which is at least that of the rows of x, 24.
  constexpr double kDrawn = 1.0 + 3 * 0.008 / 4.9;  // three standard deviations
  const std::vector<float> x = floats("x");
  for (const GgmlType type : kTypes) {
    const GgufTensor* blocks = (*file)->find(name_of(type));
    ASSERT_NE(blocks, nullptr) << name_of(type);
    const int64_t n = blocks->shape[0], k = blocks->shape[1];
    const int64_t m = static_cast<int64_t>(x.size()) / k;
    const PackedMatrix weight(type, blocks->bytes, n, k);
    std::vector<double> exact(static_cast<size_t>(m * n), 0.0);
    std::vector<float> own(static_cast<size_t>(m * n));
    const auto y = multiply<float>(weight, quantized(x, m, k), m, nullptr, isa());
    for (int64_t row = 0; row < m; ++row) {
      for (int64_t column = 0; column < n; ++column) {
        for (int64_t i = 0; i < k; ++i) {
          exact[row * n + column] +=
              static_cast<double>(x[row * k + i]) * weight.dense[column * k + i];
        }
        own[row * n + column] = y[row * (n + 1) + column];
      }
    }
    const double ours = relative_error(own, exact);
    const double theirs = relative_error(floats(std::string(name_of(type)) + ".llama"), exact);
    std::printf("%s: relata %.3g, llama.cpp %.3g\n", name_of(type), ours, theirs);
    EXPECT_LE(ours, theirs * kDrawn) << name_of(type);
  }
}

}  // namespace
}  // namespace relata::kernels
