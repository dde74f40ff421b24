// Weights kept in GGUF blocks, packed for inference, beside the floats they stand for.
#include "block_panels.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "relata/kernels/gguf_blocks.h"
#include "relata/nn/weight.h"

namespace relata::nn {
namespace {

constexpr int64_t kWidth = 512;

// Any numbers; scales as small as those of weights.
QuantizedRows random_rows(GgmlType type, int64_t rows, uint32_t seed) {
  std::mt19937 random(seed);
  const GgmlBlock block = ggml_block(type);
  const int64_t row_bytes = kWidth / block.elements * block.bytes;
  at::Tensor bytes = at::empty({rows, row_bytes}, at::kByte);
  auto* data = bytes.data_ptr<uint8_t>();
  for (int64_t i = 0; i < bytes.numel(); ++i) data[i] = static_cast<uint8_t>(random());
  for (int64_t at = 0; at < bytes.numel(); at += block.bytes) {
    const uint16_t half =
        kernels::float_to_half(0.01F + 1e-5F * static_cast<float>(random() % 999));
    for (const int64_t place : {int64_t{0}, int64_t{2}, int64_t{208}}) {
      if (place + 2 <= block.bytes) std::memcpy(data + at + place, &half, sizeof half);
    }
  }
  return QuantizedRows::of_blocks(type, bytes, kWidth);
}

// As a fused projection is: parts of several types, of sizes that are no whole panels.
std::vector<QuantizedRows> mixed_parts() {
  return {random_rows(GgmlType::kQ41, 37, 1), random_rows(GgmlType::kQ80, 16, 2),
          random_rows(GgmlType::kQ6K, 5, 3)};
}

at::Tensor dense_of(const std::vector<QuantizedRows>& parts) {
  std::vector<at::Tensor> rows;
  for (const QuantizedRows& part : parts) {
    rows.push_back(part.plain({0, part.rows()}, {0, part.in()}));
  }
  return at::cat(rows);
}

// x is rounded to 127 steps of the largest of 32 numbers: half a step, 1.5 % of a typical number,
// at most, and of a sum of many 1 % of its size on average; 3 % of the largest is never reached.
void expect_products(const at::Tensor& found, const at::Tensor& x, const at::Tensor& weight,
                     const at::Tensor& bias) {
  const at::Tensor wanted = at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t()) + bias;
  const double off = (found.to(at::kDouble) - wanted).abs().max().item<double>();
  EXPECT_LE(off, 0.03 * wanted.abs().max().item<double>());
}

TEST(BlockPanels, MultiplyFusedPartsOfSeveralTypes) {
  at::NoGradGuard no_grad;
  at::manual_seed(1);
  const auto parts = mixed_parts();
  const auto panels = BlockPanels::pack(parts);
  ASSERT_TRUE(panels);
  const at::Tensor weight = dense_of(parts), bias = at::randn({weight.size(0)});
  for (const int64_t rows : {1, 3, 16, 17, 300}) {
    const at::Tensor x = at::randn({rows, kWidth});
    expect_products(panels->multiply(x, bias), x, weight, bias);
    const at::Tensor narrow = x.to(at::kBFloat16);
    const at::Tensor found = panels->multiply(narrow, bias);
    EXPECT_EQ(found.scalar_type(), at::kBFloat16);
    expect_products(found, narrow, weight, bias);
  }
}

TEST(BlockPanels, ARowsResultIsItsOwn) {
  at::NoGradGuard no_grad;
  at::manual_seed(2);
  const auto panels = BlockPanels::pack(mixed_parts());
  const at::Tensor x = at::randn({270, kWidth});
  const at::Tensor together = panels->multiply(x, {});
  for (const int64_t row : {0, 1, 15, 16, 255, 256, 269}) {
    EXPECT_TRUE(at::equal(panels->multiply(x.narrow(0, row, 1), {}), together.narrow(0, row, 1)));
  }
  // Rows of a wider matrix, as slices are.
  const at::Tensor wide = at::cat({x, x}, 1);
  EXPECT_TRUE(at::equal(panels->multiply(wide.narrow(1, kWidth, kWidth), {}), together));
}

TEST(BlockPanels, StandForTheSameFloats) {
  const auto parts = mixed_parts();
  const auto panels = BlockPanels::pack(parts);
  const at::Tensor weight = dense_of(parts);
  EXPECT_TRUE(at::equal(panels->dense(at::kFloat), weight));
  const at::Tensor ids = at::tensor({57, 0, 36, 37, 52, 53}, at::kLong);
  EXPECT_TRUE(at::equal(panels->rows(ids), weight.index_select(0, ids)));
  EXPECT_THROW(panels->rows(at::tensor({58}, at::kLong)), c10::Error);
}

TEST(BlockPanels, AreNotForOtherTypes) {
  EXPECT_FALSE(
      BlockPanels::pack({random_rows(GgmlType::kQ41, 4, 1), random_rows(GgmlType::kIq4Nl, 4, 1)}));
  const Nf4Tensors nf4 = quantize_nf4(at::randn({4, kWidth}), true);
  EXPECT_FALSE(BlockPanels::pack({QuantizedRows::of_nf4(nf4, 4, kWidth)}));
}

TEST(BlockPanels, ReplaceAWeightsBlocks) {
  at::NoGradGuard no_grad;
  at::manual_seed(3);
  const auto parts = mixed_parts();
  const at::Tensor floats = dense_of(parts);
  Weight weight(parts);
  weight.keep_packed_only(at::kBFloat16);
  EXPECT_TRUE(weight.quantized());
  EXPECT_TRUE(weight.parts().empty());
  const at::Tensor x = at::randn({5, kWidth});
  EXPECT_TRUE(at::equal(weight.multiply(x, {}), BlockPanels::pack(parts)->multiply(x, {})));
  EXPECT_TRUE(at::equal(weight.dense(at::kFloat), floats));
  EXPECT_TRUE(at::equal(weight.rows(at::tensor({3}, at::kLong)), floats.narrow(0, 3, 1)));
}

TEST(BlockPanels, LeaveOtherTypesAsTheyAre) {
  at::NoGradGuard no_grad;
  const QuantizedRows rows = random_rows(GgmlType::kIq4Nl, 20, 9);
  Weight weight({rows});
  weight.keep_packed_only(at::kFloat);
  EXPECT_EQ(weight.parts().size(), 1);
  const at::Tensor x = at::randn({2, kWidth});
  const at::Tensor wanted = at::matmul(x, dense_of({rows}).t());
  EXPECT_LE((weight.multiply(x, {}) - wanted).abs().max().item<double>(),
            1e-5 * wanted.abs().max().item<double>());
}

}  // namespace
}  // namespace relata::nn
