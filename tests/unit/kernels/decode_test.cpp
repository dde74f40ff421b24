// Attention of single tokens over cached runs beside sums in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "relata/kernels/attention.h"

namespace relata::kernels {
namespace {

struct Shape {
  int64_t heads, width;
  std::vector<int64_t> runs;  // lengths
  int64_t skip = 0;           // of the first run
  bool slopes = false;
};

// The cache of one key/value head, and the same keys and values in a row.
template <class T>
struct Cache {
  std::vector<std::vector<T>> keys, values;
  std::vector<CacheRun<T>> runs;
  std::vector<T> all_keys, all_values;
};

template <class T>
std::vector<T> random_row(int64_t width, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<T> row(static_cast<size_t>(width));
  for (T& value : row) store(value, normal(random));
  return row;
}

template <class T>
Cache<T> random_cache(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  Cache<T> cache;
  for (const int64_t length : shape.runs) {
    const int64_t room = (length + kKeyBlock - 1) / kKeyBlock * kKeyBlock;
    // What is beyond the length has any bits: it must not count.
    T nothing;
    store(nothing, NAN);
    std::vector<T> keys(static_cast<size_t>(room * shape.width), nothing);
    std::vector<T> values(static_cast<size_t>(length * shape.width));
    for (int64_t t = 0; t < length; ++t) {
      const std::vector<T> key = random_row<T>(shape.width, random);
      const std::vector<T> value = random_row<T>(shape.width, random);
      store_key(key.data(), keys.data(), t, shape.width);
      std::copy(value.begin(), value.end(), values.begin() + t * shape.width);
      cache.all_keys.insert(cache.all_keys.end(), key.begin(), key.end());
      cache.all_values.insert(cache.all_values.end(), value.begin(), value.end());
    }
    cache.keys.push_back(std::move(keys));
    cache.values.push_back(std::move(values));
  }
  for (size_t i = 0; i < shape.runs.size(); ++i) {
    cache.runs.push_back({cache.keys[i].data(), cache.values[i].data(), shape.runs[i]});
  }
  cache.runs.front().skip = shape.skip;
  return cache;
}

std::vector<float> slopes_of(const Shape& shape) {
  std::vector<float> slopes;
  for (int64_t h = 0; shape.slopes && h < shape.heads; ++h) {
    slopes.push_back(0.25F / static_cast<float>(h + 1));
  }
  return slopes;
}

template <class T>
std::vector<T> attend(const Shape& shape, const Cache<T>& cache, const std::vector<T>& q) {
  const std::vector<float> slopes = slopes_of(shape);
  std::vector<float> scratch(static_cast<size_t>(attend_group_scratch(cache.runs, shape.width)),
                             NAN);
  std::vector<T> out(q.size());
  attend_group(q.data(), cache.runs, out.data(),
               {shape.heads, shape.width, 0.3F, slopes.empty() ? nullptr : slopes.data()},
               scratch.data());
  return out;
}

// The exact result of a head, and the largest value that is weighed.
std::vector<double> exact(const Shape& shape, const auto& cache, const auto* q, double slope) {
  const int64_t width = shape.width;
  const auto tokens = static_cast<int64_t>(cache.all_keys.size()) / width;
  std::vector<double> out(static_cast<size_t>(width), 0.0), scores;
  double largest = -INFINITY, total = 0.0;
  for (int64_t t = shape.skip; t < tokens; ++t) {
    double score = 0.0;
    for (int64_t e = 0; e < width; ++e) {
      score += static_cast<double>(to_float(q[e])) * to_float(cache.all_keys[t * width + e]);
    }
    scores.push_back(score * 0.3 + slope * static_cast<double>(t));
    largest = std::max(largest, scores.back());
  }
  for (double& score : scores) total += score = std::exp(score - largest);
  for (int64_t t = shape.skip; t < tokens; ++t) {
    for (int64_t e = 0; e < width; ++e) {
      out[e] += scores[t - shape.skip] / total * to_float(cache.all_values[t * width + e]);
    }
  }
  return out;
}

// A score of `width` products of numbers of size 1 is off by some 2^-24 width, its exponential by
// as much and by 3e-7 (fast_exp); a weighed mean of numbers up to 5 is off by that times 5, and by
// its own sum's rounding. Bf16 rounds the result to 8 bits.
template <class T>
void check(const Shape& shape) {
  std::mt19937 random(17);
  const Cache<T> cache = random_cache<T>(shape, 3);
  const std::vector<T> q = random_row<T>(shape.heads * shape.width, random);
  const std::vector<T> found = attend(shape, cache, q);
  const std::vector<float> slopes = slopes_of(shape);
  const auto tokens = static_cast<double>(cache.all_keys.size()) / static_cast<double>(shape.width);
  for (int64_t h = 0; h < shape.heads; ++h) {
    const auto wanted =
        exact(shape, cache, q.data() + h * shape.width, slopes.empty() ? 0.0 : slopes[h]);
    for (int64_t e = 0; e < shape.width; ++e) {
      const double off = 5.0 * (0x1p-24 * (4.0 * shape.width + tokens) + 6e-7);
      const double rounding = sizeof(T) == 2 ? std::abs(wanted[e]) * 0x1p-8 : 0.0;
      ASSERT_NEAR(to_float(found[h * shape.width + e]), wanted[e], off + rounding) << h << " " << e;
    }
  }
}

TEST(CachedAttention, IsTheWeighedMean) {
  for (const Shape& shape : std::vector<Shape>{{1, 64, {1}},
                                               {3, 64, {16, 5, 33}},
                                               {4, 64, {100}},
                                               {7, 48, {15, 17}},
                                               {2, 20, {40, 1}},
                                               {5, 6, {31}},
                                               {9, 128, {300, 2}},
                                               {3, 64, {40, 9}, 7},
                                               {6, 32, {20, 30}, 3, true}}) {
    check<float>(shape);
    check<Bf16>(shape);
  }
}

TEST(CachedAttention, DoesNotDependOnRunsNorOnOtherHeads) {
  std::mt19937 random(5);
  const Shape whole{7, 40, {70}}, parts{7, 40, {16, 1, 32, 21}};
  const auto q = random_row<float>(7 * 40, random);
  const auto together = attend(whole, random_cache<float>(whole, 9), q);
  EXPECT_EQ(together, attend(parts, random_cache<float>(parts, 9), q));
  for (int64_t h = 0; h < 7; ++h) {
    const std::vector<float> own(q.begin() + h * 40, q.begin() + (h + 1) * 40);
    const Shape alone{1, 40, {70}};
    const auto found = attend(alone, random_cache<float>(alone, 9), own);
    EXPECT_TRUE(std::equal(found.begin(), found.end(), together.begin() + h * 40)) << h;
  }
}

}  // namespace
}  // namespace relata::kernels
