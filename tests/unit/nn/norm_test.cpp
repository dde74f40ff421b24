// Norms and gates against their formulas in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

at::Tensor wide(const at::Tensor& x) { return x.detach().to(at::kDouble); }

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

TEST(AddRmsNorm, AddsThenNorms) {
  at::manual_seed(3);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t width : {1, 31, 576}) {
      const at::Tensor x = at::randn({5, width});
      const at::Tensor delta = at::randn({5, width}).to(type);
      const at::Tensor weight = at::randn({width});
      const auto [sum, normed] = add_rms_norm(x, delta, weight, 1e-5, type, {});
      const at::Tensor want = wide(x) + wide(delta);
      EXPECT_EQ(normed.scalar_type(), type);
      EXPECT_LT(largest(wide(sum) - want), largest(want) * std::ldexp(1.0, -23));
      const at::Tensor scaled =
          want * (want.square().mean({1}, true) + 1e-5).rsqrt() * wide(weight);
      const int bits = type == at::kFloat ? 20 : 8;
      EXPECT_LT(largest(wide(normed) - scaled), largest(scaled) * std::ldexp(1.0, -bits)) << width;
    }
  }
}

TEST(AddRmsNorm, GradientsEqualAutograd) {
  at::manual_seed(4);
  const at::Tensor x = at::randn({3, 40}).requires_grad_(true);
  const at::Tensor delta = at::randn({3, 40}).requires_grad_(true);
  const at::Tensor weight = at::randn({40}).requires_grad_(true);
  const at::Tensor on_sum = at::randn({3, 40});
  const at::Tensor on_norm = at::randn({3, 40});
  const auto [sum, normed] = add_rms_norm(x, delta, weight, 1e-5, at::kFloat, {});
  (sum * on_sum + normed * on_norm).sum().backward();

  const auto copy = [](const at::Tensor& t) { return wide(t).requires_grad_(true); };
  const at::Tensor x2 = copy(x), delta2 = copy(delta), weight2 = copy(weight);
  const at::Tensor total = x2 + delta2;
  const at::Tensor scaled = total * (total.square().mean({1}, true) + 1e-5).rsqrt() * weight2;
  (total * wide(on_sum) + scaled * wide(on_norm)).sum().backward();
  EXPECT_LT(largest(wide(x.grad()) - x2.grad()), 1e-5);
  EXPECT_LT(largest(wide(delta.grad()) - delta2.grad()), 1e-5);
  EXPECT_LT(largest(wide(weight.grad()) - weight2.grad()), 1e-5);
  EXPECT_GT(largest(weight2.grad()), 0.1);
}

TEST(Gated, IsTheActivationTimesTheOther) {
  at::manual_seed(5);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = (at::randn({4, 2 * 37}) * 3).to(type);
    const at::Tensor gate = wide(x).narrow(1, 0, 37), up = wide(x).narrow(1, 37, 37);
    const double share = std::ldexp(1.0, type == at::kFloat ? -20 : -8);
    const at::Tensor silu = gate * at::sigmoid(gate) * up;
    EXPECT_LT(largest(wide(gated(x, Activation::Silu)) - silu), largest(silu) * share);
    const at::Tensor inner = std::sqrt(2 / M_PI) * (gate + 0.044715 * gate.pow(3));
    const at::Tensor gelu = 0.5 * gate * (1 + inner.tanh()) * up;
    EXPECT_LT(largest(wide(gated(x, Activation::GeluTanh)) - gelu), largest(gelu) * share);
  }
}

TEST(LinearCrossEntropy, LossAndGradientEqualLogSoftmax) {
  at::manual_seed(6);
  const int64_t rows = 9, width = 16, vocabulary = 101;
  const at::Tensor hidden = at::randn({rows, width}).requires_grad_(true);
  const at::Tensor weight = at::randn({vocabulary, width}).requires_grad_(true);
  const at::Tensor targets = at::randint(vocabulary, {rows}, at::kLong);
  const at::Tensor weights = at::rand({rows});
  const at::Tensor loss =
      linear_cross_entropy(hidden, weight, weight.detach(), targets, weights, 1);
  loss.backward();
  const at::Tensor hidden2 = wide(hidden).requires_grad_(true);
  const at::Tensor weight2 = wide(weight).requires_grad_(true);
  const at::Tensor logits = hidden2.matmul(weight2.t()).log_softmax(1);
  const at::Tensor want =
      -(logits.gather(1, targets.unsqueeze(1)).squeeze(1) * wide(weights)).sum();
  want.backward();
  EXPECT_NEAR(loss.item<double>(), want.item<double>(), 1e-5 * want.item<double>());
  EXPECT_LT(largest(wide(hidden.grad()) - hidden2.grad()), 1e-5);
  EXPECT_LT(largest(wide(weight.grad()) - weight2.grad()), 1e-5);
  EXPECT_GT(largest(weight2.grad()), 0.1);
}

}  // namespace
}  // namespace relata::nn
