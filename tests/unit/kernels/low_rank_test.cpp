// Low-rank products of few rows beside sums in double precision.
#include "relata/kernels/low_rank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace relata::kernels {
namespace {

template <class T>
std::vector<T> random_values(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<T> values(static_cast<size_t>(count));
  for (T& value : values) store(value, normal(random));
  return values;
}

// Sums of I products of numbers of size 1, then of R of those: rounded to 24 bits each, and the
// result to T's 24 or 8.
template <class T>
void check(int64_t in, int64_t rank, int64_t out, const std::vector<int64_t>& rows) {
  constexpr int64_t kRows = 5;
  const int64_t x_stride = in + 3, y_stride = out + 2;
  const auto x = random_values<T>(kRows * x_stride, 1), a = random_values<T>(rank * in, 2),
             b = random_values<T>(out * rank, 3), before = random_values<T>(kRows * y_stride, 4);
  std::vector<T> y = before;
  std::vector<float> scratch(static_cast<size_t>(rank));
  const LowRankProduct<T> product{x.data(),
                                  a.data(),
                                  b.data(),
                                  y.data(),
                                  x_stride,
                                  y_stride,
                                  in,
                                  rank,
                                  out,
                                  0.5F,
                                  rows.empty() ? nullptr : rows.data()};
  const int64_t count = rows.empty() ? kRows : static_cast<int64_t>(rows.size());
  add_low_rank(product, 0, count / 2, scratch.data());
  add_low_rank(product, count / 2, count, scratch.data());
  for (int64_t row = 0; row < kRows; ++row) {
    const bool counts = rows.empty() || std::find(rows.begin(), rows.end(), row) != rows.end();
    for (int64_t o = 0; o < y_stride; ++o) {
      const double start = to_float(before[row * y_stride + o]);
      const double found = to_float(y[row * y_stride + o]);
      if (!counts || o >= out) {
        EXPECT_EQ(found, start);
        continue;
      }
      double sum = start, size = std::abs(start);
      for (int64_t r = 0; r < rank; ++r) {
        double inner = 0.0, inner_size = 0.0;
        for (int64_t i = 0; i < in; ++i) {
          const double term =
              static_cast<double>(to_float(x[row * x_stride + i])) * to_float(a[r * in + i]);
          inner += term;
          inner_size += std::abs(term);
        }
        sum += 0.5 * inner * to_float(b[o * rank + r]);
        size += 0.5 * inner_size * std::abs(to_float(b[o * rank + r]));
      }
      const double rounding = sizeof(T) == 2 ? std::abs(sum) * 0x1p-8 : 0.0;
      ASSERT_NEAR(found, sum, size * static_cast<double>(in + rank + 4) * 0x1p-24 + rounding);
    }
  }
}

TEST(LowRank, IsTheSumOfProducts) {
  for (const auto& [in, rank, out] : std::vector<std::array<int64_t, 3>>{
           {576, 16, 192}, {64, 8, 33}, {7, 1, 1}, {40, 20, 5}, {33, 3, 50}, {16, 64, 16}}) {
    check<float>(in, rank, out, {});
    check<Bf16>(in, rank, out, {});
  }
}

TEST(LowRank, LeavesOtherRowsAlone) {
  check<float>(48, 4, 20, {3, 0});
  check<Bf16>(48, 4, 20, {4});
}

}  // namespace
}  // namespace relata::kernels
