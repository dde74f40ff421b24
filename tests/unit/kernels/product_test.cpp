// Products with packed weights beside sums in double precision.
#include "relata/kernels/product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace relata::kernels {
namespace {

struct Shape {
  int64_t m, n, k;
  bool has_bias;
};

std::vector<float> random_values(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

class PanelProducts : public testing::TestWithParam<Shape> {};

TEST_P(PanelProducts, AreTheSums) {
  if (!can_multiply_panels()) GTEST_SKIP() << "needs AVX-512";
  const auto [m, n, k, has_bias] = GetParam();
  const auto x = random_values(m * k, 1), weight = random_values(n * k, 2),
             bias = random_values(n, 3);
  std::vector<float> panels(static_cast<size_t>(panels_of(n) * k * kPanel), NAN);
  // A value behind y's last shows a product that is too wide.
  std::vector<float> y(static_cast<size_t>(m * n + 1), NAN);
  const PanelProduct product{x.data(), panels.data(), has_bias ? bias.data() : nullptr, y.data(), n,
                             k};
  for (int64_t panel = 0; panel < panels_of(n); ++panel) {
    pack_panel(weight.data(), n, k, panel, panels.data() + panel * k * kPanel);
    multiply_panel(product, panel, 0, m / 3);
    multiply_panel(product, panel, m / 3, m);
  }
  EXPECT_TRUE(std::isnan(y.back()));
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      double sum = has_bias ? bias[column] : 0.0, size = std::abs(sum);
      for (int64_t i = 0; i < k; ++i) {
        const double term = static_cast<double>(x[row * k + i]) * weight[column * k + i];
        sum += term;
        size += std::abs(term);
      }
      // Each of the k additions rounds a partial sum, which is at most `size`, to 24 bits.
      ASSERT_NEAR(y[row * n + column], sum, static_cast<double>(k + 1) * size * 0x1p-24)
          << row << " " << column;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, PanelProducts,
                         testing::Values(Shape{1, 32, 16, false}, Shape{1, 1, 1, true},
                                         Shape{7, 33, 50, true}, Shape{8, 64, 512, false},
                                         Shape{13, 31, 2048, true}, Shape{9, 40, 2049, false},
                                         Shape{70, 100, 4100, true}));

}  // namespace
}  // namespace relata::kernels
