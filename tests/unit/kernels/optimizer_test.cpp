#include "relata/kernels/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace relata::kernels {
namespace {

TEST(AdamW, FollowsTheFormulas) {
  constexpr int64_t kCount = 37;  // no multiple of a vector
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> value(kCount), first(kCount), second(kCount), average(kCount);
  std::vector<double> w(kCount), m(kCount), v(kCount), mean(kCount);
  for (int64_t i = 0; i < kCount; ++i) w[i] = value[i] = mean[i] = average[i] = normal(random);
  std::vector<Bf16> copy(kCount);
  AdamW s;
  s.learning_rate = 0.01F;
  s.weight_decay = 0.1F;
  s.gradient_scale = 0.5F;
  s.average_step = 0.25F;
  for (int t = 1; t <= 5; ++t) {
    s.correction1 = static_cast<float>(1 - std::pow(0.9, t));
    s.correction2 = static_cast<float>(std::sqrt(1 - std::pow(0.999, t)));
    std::vector<float> gradient(kCount);
    for (int64_t i = 0; i < kCount; ++i) {
      gradient[i] = normal(random);
      const double g = 0.5 * gradient[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      w[i] -= 0.01 * 0.1 * w[i];
      w[i] -= 0.01 * (m[i] / (1 - std::pow(0.9, t))) /
              (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
      mean[i] += 0.25 * (w[i] - mean[i]);
    }
    adamw(s, {value.data(), first.data(), second.data(), copy.data(), average.data()},
          gradient.data(), kCount);
  }
  for (int64_t i = 0; i < kCount; ++i) {
    EXPECT_NEAR(value[i], w[i], 1e-5);
    EXPECT_NEAR(average[i], mean[i], 1e-5);
    Bf16 rounded;
    store(rounded, value[i]);
    EXPECT_EQ(copy[i].bits, rounded.bits);
  }
}

TEST(AdamW, CopyAndAverageMayBeAbsent) {
  std::vector<float> value(20, 1.0F), first(20), second(20);
  std::vector<Bf16> gradient(20);
  for (Bf16& g : gradient) store(g, 2.0F);
  AdamW s;
  s.learning_rate = 0.5F;
  s.correction1 = 0.1F;
  s.correction2 = std::sqrt(0.001F);
  adamw(s, {value.data(), first.data(), second.data(), nullptr, nullptr}, gradient.data(), 20);
  // The first step moves by the learning rate, whatever the gradient's size.
  for (const float x : value) EXPECT_NEAR(x, 0.5F, 1e-5);
}

TEST(SumSquares, OfBothTypes) {
  std::vector<float> values(10001);
  std::vector<Bf16> halves(values.size());
  double wanted = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i % 7) - 3.0F;  // exact in bfloat16
    store(halves[i], values[i]);
    wanted += static_cast<double>(values[i]) * values[i];
  }
  EXPECT_DOUBLE_EQ(sum_squares(values.data(), 10001), wanted);
  EXPECT_DOUBLE_EQ(sum_squares(halves.data(), 10001), wanted);
}

}  // namespace
}  // namespace relata::kernels
