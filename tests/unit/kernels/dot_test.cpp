#include "relata/kernels/dot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace relata::kernels {
namespace {

template <class T>
void check(int64_t rows, int64_t width) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const int64_t stride = 3;
  std::vector<float> x(static_cast<size_t>(rows * width));
  std::vector<T> w(static_cast<size_t>(width));
  for (float& value : x) value = normal(random);
  for (T& value : w) store(value, normal(random));
  std::vector<float> y(static_cast<size_t>(rows * stride), 77.0F);
  dot_rows(w.data(), x.data(), rows, width, y.data(), stride);
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0, size = 0;
    for (int64_t i = 0; i < width; ++i) {
      const double term = static_cast<double>(to_float(w[static_cast<size_t>(i)])) *
                          x[static_cast<size_t>(r * width + i)];
      sum += term;
      size += std::abs(term);
    }
    // Each addition rounds a partial sum, which is at most `size`, to 24 bits.
    EXPECT_NEAR(y[static_cast<size_t>(r * stride)], sum, (width + 1.0) * size * 0x1p-24);
    for (int64_t gap = 1; gap < stride; ++gap) {
      EXPECT_EQ(y[static_cast<size_t>(r * stride + gap)], 77.0F);
    }
    // Alone it is the same.
    float alone = 0;
    dot_rows(w.data(), x.data() + r * width, 1, width, &alone, 1);
    EXPECT_EQ(alone, y[static_cast<size_t>(r * stride)]);
  }
}

TEST(DotRows, AreTheSums) {
  for (const int64_t rows : {1, 3, 4, 5, 9}) {
    for (const int64_t width : {0, 1, 15, 16, 17, 896, 1001}) {
      check<float>(rows, width);
      check<Bf16>(rows, width);
    }
  }
}

}  // namespace
}  // namespace relata::kernels
