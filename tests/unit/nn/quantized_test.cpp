// Quantised weights beside the same numbers as dense weights, and kernels beside plain operations.
#include "relata/nn/quantized.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <random>

#include "quantized_matrix.h"
#include "relata/kernels/gguf_blocks.h"
#include "relata/nn/linear.h"

namespace relata::nn {
namespace {

struct Kind {
  GgmlType type;
  std::vector<int64_t> scales;  // where a block's half-precision numbers lie
};

std::vector<Kind> kinds() {
  return {{GgmlType::kF16, {0}},      {GgmlType::kQ40, {0}},    {GgmlType::kQ41, {0, 2}},
          {GgmlType::kQ50, {0}},      {GgmlType::kQ51, {0, 2}}, {GgmlType::kQ80, {0}},
          {GgmlType::kQ2K, {80, 82}}, {GgmlType::kQ3K, {108}},  {GgmlType::kQ4K, {0, 2}},
          {GgmlType::kQ5K, {0, 2}},   {GgmlType::kQ6K, {208}},  {GgmlType::kIq4Nl, {0}},
          {GgmlType::kIq4Xs, {0}}};
}

QuantizedRows random_blocks(const Kind& kind, int64_t rows, int64_t in, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  const GgmlBlock block = ggml_block(kind.type);
  at::Tensor bytes = at::empty({rows, in / block.elements * block.bytes}, at::kByte);
  auto* data = bytes.data_ptr<uint8_t>();
  for (int64_t i = 0; i < bytes.numel(); ++i) data[i] = static_cast<uint8_t>(random());
  for (int64_t at = 0; at < bytes.numel(); at += block.bytes) {
    for (const int64_t place : kind.scales) {
      const uint16_t scale = kernels::float_to_half(normal(random));
      std::memcpy(data + at + place, &scale, sizeof scale);
    }
  }
  return QuantizedRows::of_blocks(kind.type, bytes, in);
}

QuantizedRows random_nf4(int64_t rows, int64_t in, bool twice) {
  const at::Tensor weight = at::randn({rows, in}) * 0.02;
  return QuantizedRows::of_nf4(quantize_nf4(weight, twice), rows, in);
}

// One of every kind that is stored.
std::vector<QuantizedRows> one_of_each(int64_t rows, int64_t in) {
  std::vector<QuantizedRows> out = {random_nf4(rows, in, true), random_nf4(rows, in, false)};
  uint32_t seed = 0;
  for (const Kind& kind : kinds()) out.push_back(random_blocks(kind, rows, in, ++seed));
  return out;
}

std::string label(const QuantizedRows& rows) {
  return rows.is_nf4() ? "NF4" : name_of(rows.type());
}

at::Tensor numbers(const QuantizedRows& part, Span rows, Span columns, at::ScalarType type) {
  at::Tensor out = at::empty({rows.count, columns.count}, type);
  part.dequantize(rows, columns, out);
  return out;
}

TEST(QuantizedRows, KernelsEqualPlainOperationsToTheBit) {
  at::manual_seed(1);
  for (const QuantizedRows& part : one_of_each(5, 512)) {
    const int64_t step = part.column_step();
    for (const auto& [rows, columns] : {std::pair(Span{0, 5}, Span{0, 512}),
                                        {Span{2, 2}, Span{step, 512 - step}},
                                        {Span{4, 1}, Span{0, std::min<int64_t>(256, 512)}}}) {
      const at::Tensor wanted = part.plain(rows, columns);
      EXPECT_TRUE(at::equal(numbers(part, rows, columns, at::kFloat), wanted)) << label(part);
      EXPECT_TRUE(at::equal(numbers(part, rows, columns, at::kBFloat16), wanted.to(at::kBFloat16)))
          << label(part);
    }
  }
}

TEST(QuantizedRows, Nf4BlocksMaySpanRows) {
  at::manual_seed(2);
  for (const int64_t in : {1, 7, 33, 100}) {
    const QuantizedRows part = random_nf4(9, in, true);
    const at::Tensor all = numbers(part, {0, 9}, {0, in}, at::kFloat);
    EXPECT_TRUE(at::equal(all, part.plain({0, 9}, {0, in}))) << in;
    EXPECT_TRUE(at::equal(numbers(part, {3, 4}, {0, in}, at::kFloat), all.narrow(0, 3, 4))) << in;
  }
}

TEST(QuantizedRows, RowsInAnotherOrder) {
  at::manual_seed(3);
  const std::vector<int64_t> order = {3, 0, 4, 1, 2};
  for (const QuantizedRows& part : one_of_each(5, 256)) {
    const at::Tensor stored = numbers(part, {0, 5}, {0, 256}, at::kFloat);
    const QuantizedRows moved = part.reordered(order);
    const at::Tensor wanted = stored.index_select(0, at::tensor(order, at::kLong));
    EXPECT_TRUE(at::equal(numbers(moved, {0, 5}, {0, 256}, at::kFloat), wanted)) << label(part);
    EXPECT_TRUE(at::equal(moved.plain({1, 3}, {0, 256}), wanted.narrow(0, 1, 3))) << label(part);
    const at::Tensor again = wanted.index_select(0, at::tensor(order, at::kLong));
    EXPECT_TRUE(at::equal(numbers(moved.reordered(order), {0, 5}, {0, 256}, at::kFloat), again));
  }
}

// Whether two sums of products of x and the rows of w differ by roundings alone: each of the
// additions rounds a partial sum, which is at most the sum of sizes, to 24 bits.
bool same_sums(const at::Tensor& a, const at::Tensor& b, const at::Tensor& x, const at::Tensor& w) {
  const at::Tensor sizes = at::matmul(x.abs(), w.abs().t()) + 10;  // and a bias
  const at::Tensor bound = sizes * (2.0 * (static_cast<double>(x.size(1)) + 1) * 0x1p-24);
  return (a - b).abs().le(bound).all().item<bool>();
}

// Kinds of one matrix one under the other, as in a file that mixes them, by panels of all sizes.
TEST(QuantizedMatrix, ProductsAreThoseOfTheDenseMatrix) {
  at::manual_seed(4);
  const int64_t in = 512;
  const std::vector<QuantizedRows> parts = one_of_each(6, in);
  const QuantizedMatrix whole(parts);
  const at::Tensor dense = whole.dense(at::kFloat);
  const at::Tensor x = at::randn({20, in}), y = at::randn({20, whole.out()});
  const at::Tensor bias = at::randn({whole.out()});
  for (const int64_t panel : {int64_t{1}, 5 * in, 100 * whole.out(), int64_t{1} << 24}) {
    const QuantizedMatrix matrix(parts, panel);
    EXPECT_TRUE(same_sums(matrix.multiply(x, {}), at::linear(x, dense), x, dense)) << panel;
    for (const int64_t rows : {1, 5, 9, 17}) {
      const at::Tensor some = x.narrow(0, 3, rows);
      EXPECT_TRUE(
          same_sums(matrix.multiply(some, bias), at::linear(some, dense, bias), some, dense));
    }
    EXPECT_TRUE(
        same_sums(matrix.multiply_transposed(y), at::matmul(y, dense), y, dense.t().contiguous()));
  }
  const at::Tensor ids = at::tensor({0, 89, 45, 45, 6}, at::kLong);
  EXPECT_TRUE(at::equal(whole.rows(ids), dense.index_select(0, ids)));
}

struct Gradients {
  at::Tensor y, x, a, b;
};

// Forward and backward of a projection with an adapter on some of its rows.
Gradients step(const Weight& weight, at::ScalarType type) {
  at::manual_seed(11);
  Linear linear;
  linear.weight = weight;
  linear.bias = at::randn({weight.out()});
  LoraSlice lora;
  lora.row = 2;
  lora.rows = weight.out() - 3;
  lora.scale = 2.0;
  at::Tensor a = (at::randn({4, weight.in()}) * 0.05).requires_grad_(true);
  at::Tensor b = (at::randn({lora.rows, 4}) * 0.05).requires_grad_(true);
  lora.a = Weight(a);
  lora.b = Weight(b);
  linear.loras.push_back(lora);
  // More rows than are multiplied one row of the matrix at a time.
  const at::Tensor x = at::randn({20, weight.in()}).to(type).requires_grad_(true);
  const at::Tensor y = linear.forward(x, RowAdapters::all(0));
  (y.to(at::kFloat) * at::randn(y.sizes())).sum().backward();
  return {y.detach(), x.grad(), a.grad(), b.grad()};
}

TEST(QuantizedWeight, AdaptersGradientsAreThoseOnTheDequantisedWeight) {
  at::manual_seed(5);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const QuantizedRows& part : one_of_each(24, 256)) {
      const Weight quantised({part});
      const Gradients found = step(quantised, type);
      const Gradients wanted = step(Weight(quantised.dense(type)), type);
      // The same numbers, multiplied by the same routine: not a bit apart.
      EXPECT_TRUE(at::equal(found.y, wanted.y)) << label(part);
      EXPECT_TRUE(at::equal(found.x, wanted.x)) << label(part);
      EXPECT_TRUE(at::equal(found.a, wanted.a)) << label(part);
      EXPECT_TRUE(at::equal(found.b, wanted.b)) << label(part);
      EXPECT_GT(found.a.abs().max().item<float>(), 0.0F);
    }
  }
}

TEST(QuantizedWeight, LossOfAQuantisedHead) {
  at::manual_seed(6);
  const QuantizedRows part = random_blocks({GgmlType::kQ6K, {208}}, 40, 256, 9);
  const Weight quantised({part});
  const Weight dense(quantised.dense(at::kFloat));
  const int64_t rows = 600;  // more than are computed at once
  const at::Tensor targets = at::randint(40, {rows}, at::kLong), weights = at::rand({rows});
  const at::Tensor hidden = at::randn({rows, 256});
  at::Tensor first = hidden.clone().requires_grad_(true);
  at::Tensor second = hidden.clone().requires_grad_(true);
  const at::Tensor found = quantised.loss(first, targets, weights, 3.0);
  const at::Tensor wanted = dense.loss(second, targets, weights, 3.0);
  found.backward();
  wanted.backward();
  EXPECT_EQ(found.item<float>(), wanted.item<float>());
  EXPECT_TRUE(at::equal(first.grad(), second.grad()));
}

TEST(QuantizeNf4, ThreadsDoNotMatter) {
  at::manual_seed(7);
  const int before = at::get_num_threads();
  for (int i = 0; i < 12; ++i) {
    const at::Tensor weight =
        at::randn({1500, 1600}) * 0.02;  // 37,500 blocks: a sum that is shared
    at::set_num_threads(1);
    const Nf4Tensors one = quantize_nf4(weight, true);
    at::set_num_threads(3);
    const Nf4Tensors three = quantize_nf4(weight, true);
    EXPECT_EQ(one.nested_offset, three.nested_offset);
    EXPECT_TRUE(at::equal(one.packed, three.packed));
    EXPECT_TRUE(at::equal(one.absmax, three.absmax));
    EXPECT_TRUE(at::equal(one.nested_absmax, three.nested_absmax));
  }
  at::set_num_threads(before);
}

}  // namespace
}  // namespace relata::nn
