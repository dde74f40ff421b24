// Projections with adapters chosen row by row against their definition in double precision.
#include "relata/nn/linear.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

namespace relata::nn {
namespace {

constexpr int64_t kIn = 24;
constexpr int64_t kOut = 20;
constexpr int64_t kRank = 3;

LoraSlice slice(int adapter, int64_t row, int64_t rows, double scale) {
  LoraSlice out;
  out.adapter = adapter;
  out.row = row;
  out.rows = rows;
  out.scale = scale;
  out.a = Weight(at::randn({kRank, kIn}).requires_grad_(true));
  out.b = Weight(at::randn({rows, kRank}).requires_grad_(true));
  return out;
}

// Two adapters; the second acts on rows 5 to 16 of the projection only.
Linear projection() {
  at::manual_seed(11);
  Linear out;
  out.weight = Weight(at::randn({kOut, kIn}));
  out.bias = at::randn({kOut});
  out.loras = {slice(0, 0, kOut, 0.5), slice(1, 5, 12, 2.0)};
  return out;
}

at::Tensor wide(const at::Tensor& x) { return x.detach().to(at::kDouble); }

at::Tensor defined(const Linear& linear, const at::Tensor& x, const std::vector<int>& adapters) {
  at::Tensor out = wide(x).matmul(wide(linear.weight.value()).t()) + wide(linear.bias);
  for (const LoraSlice& lora : linear.loras) {
    for (size_t i = 0; i < adapters.size(); ++i) {
      if (adapters[i] != lora.adapter) continue;
      const auto row = static_cast<int64_t>(i);
      out[row].narrow(0, lora.row, lora.rows) +=
          lora.scale * wide(lora.b.value()).matmul(wide(lora.a.value()).matmul(wide(x[row])));
    }
  }
  return out;
}

// Sums of kIn, kRank and one more product of normal numbers: their error in a type of `bits` bits.
double bound(const at::Tensor& want, int bits) {
  return want.abs().max().item<double>() * std::sqrt(kIn + kRank) * std::ldexp(1.0, -bits);
}

TEST(Linear, AdaptersActOnTheirRowsOnly) {
  const Linear linear = projection();
  const std::vector<int> adapters = {0, -1, 1, 1, 0, -1, 1};
  const at::Tensor x = at::randn({7, kIn});
  const at::Tensor want = defined(linear, x, adapters);
  at::NoGradGuard no_grad;
  const at::Tensor got = linear.forward(x, RowAdapters::of(adapters));
  EXPECT_LT((wide(got) - want).abs().max().item<double>(), bound(want, 22));
  const at::Tensor base = defined(linear, x, std::vector<int>(7, -1));
  EXPECT_LT((wide(got)[1] - base[1]).abs().max().item<double>(), bound(want, 22));
  EXPECT_GT((wide(got)[2] - base[2]).abs().max().item<double>(), 1.0);
}

TEST(Linear, BfloatIsTheSameUpToItsEightBits) {
  Linear linear = projection();
  const auto rounded = [](const at::Tensor& x) {
    return x.detach().to(at::kBFloat16).to(at::kFloat);
  };
  linear.weight = Weight(rounded(linear.weight.value()));
  linear.bias = rounded(linear.bias);
  for (LoraSlice& lora : linear.loras) {
    lora.a = Weight(rounded(lora.a.value()));
    lora.b = Weight(rounded(lora.b.value()));
  }
  const at::Tensor x = rounded(at::randn({7, kIn}));
  const std::vector<int> adapters = {0, -1, 1, 1, 0, -1, 1};
  const at::Tensor want = defined(linear, x, adapters);
  at::NoGradGuard no_grad;
  const at::Tensor got = linear.forward(x.to(at::kBFloat16), RowAdapters::of(adapters));
  EXPECT_EQ(got.scalar_type(), at::kBFloat16);
  // Rounded: the product, A x, B A x, its scaled value and the sum. The adapter's part can be as
  // large as what it is added to.
  EXPECT_LT((wide(got) - want).abs().max().item<double>(),
            5 * 2 * want.abs().max().item<double>() * std::ldexp(1.0, -9));
}

TEST(Linear, GradientsEqualFiniteDifferences) {
  const Linear linear = projection();
  const std::vector<int> adapters = {1, 0, -1, 1};
  const at::Tensor x = at::randn({4, kIn}).requires_grad_(true);
  const at::Tensor weight = at::randn({4, kOut});
  linear.forward(x, RowAdapters::of(adapters)).mul(weight).sum().backward();
  const auto loss = [&] {
    return (defined(linear, x, adapters) * wide(weight)).sum().item<double>();
  };
  const double step = 1e-2;  // the loss is linear in each single number
  const auto expect_gradient = [&](const at::Tensor& of, const std::string& name) {
    at::NoGradGuard no_grad;
    at::Tensor flat = of.detach().view({-1});
    const at::Tensor gradient = of.grad().to(at::kDouble).reshape({-1});
    for (int64_t i = 0; i < flat.numel(); i += 5) {
      const float before = flat[i].item<float>();
      flat[i] = before + static_cast<float>(step);
      const double moved = flat[i].item<double>() - before;
      const double above = loss();
      flat[i] = before;
      const double slope = (above - loss()) / moved;
      EXPECT_NEAR(gradient[i].item<double>(), slope, 1e-4 * (1 + std::abs(slope)))
          << name << " " << i;
    }
  };
  expect_gradient(x, "x");
  expect_gradient(linear.loras[0].a.value(), "A of the first");
  expect_gradient(linear.loras[1].b.value(), "B of the second");
}

}  // namespace
}  // namespace relata::nn
