// Attention over trees of cached runs beside sums in double precision.
#include "relata/kernels/cached_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace relata::kernels {
namespace {

struct Node {
  int parent;
  int64_t cached;  // tokens that were computed before
  int64_t own;     // rows of this batch, behind them
};

struct Case {
  std::string name;
  int64_t query_heads, key_value_heads, width;
  std::vector<Node> nodes;  // parents first, descendants side by side
};

const Case kCases[] = {
    {"one_token", 3, 1, 64, {{-1, 40, 1}}},
    {"a_prompt", 4, 2, 16, {{-1, 0, 300}}},
    {"goes_on", 2, 2, 64, {{-1, 17, 5}}},
    {"branches",
     9,
     3,
     64,
     {{-1, 530, 0}, {0, 3, 1}, {0, 0, 19}, {2, 0, 7}, {2, 33, 1}, {0, 16, 2}}},
    {"odd_width", 4, 2, 10, {{-1, 21, 0}, {0, 0, 30}, {1, 5, 1}, {0, 1, 1}}},
    {"narrow", 2, 1, 8, {{-1, 0, 2}, {0, 0, 40}, {0, 0, 1}}},
};

double widened(float value) { return value; }
double widened(Bf16 value) { return to_float(value); }

template <class T>
struct Tree {
  explicit Tree(const Case& c) : shape{c.query_heads, c.key_value_heads, c.width, 0.3F} {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    const auto fill = [&](std::vector<T>& values) {
      for (T& value : values) store(value, normal(random));
    };
    for (const Node& node : c.nodes) rows += node.own;
    qkv.resize(static_cast<size_t>(rows * stride()));
    fill(qkv);
    for (int64_t i = 0; i < rows * c.width / 2; ++i) {
      const float angle = normal(random);
      cos.push_back(std::cos(angle));
      sin.push_back(std::sin(angle));
    }
    int64_t row = 0;
    for (const Node& node : c.nodes) {
      const int64_t length = node.cached + node.own;
      const int64_t room = (length + kKeyBlock - 1) / kKeyBlock * kKeyBlock;
      first_row.push_back(row);
      row += node.own;
      // What lies behind the run's end must not matter.
      keys.emplace_back(static_cast<size_t>(room * c.width), T{});
      for (T& value : keys.back()) store(value, NAN);
      values.emplace_back(static_cast<size_t>(room * c.width), T{});
      plain_keys.emplace_back(static_cast<size_t>(length * c.width));
      fill(plain_keys.back());
      for (int64_t t = 0; t < length; ++t) {
        store_key(plain_keys.back().data() + t * c.width, keys.back().data(), t, c.width);
        for (int64_t e = 0; e < c.width; ++e) store(values.back()[t * c.width + e], normal(random));
      }
    }
    for (size_t i = 0; i < c.nodes.size(); ++i) {
      int64_t below = 0;
      for (size_t j = i; j < c.nodes.size(); ++j) {
        if (is_below(c, j, i)) below += c.nodes[j].own;
      }
      const int64_t length = c.nodes[i].cached + c.nodes[i].own;
      if (below == 0 || length == 0) continue;
      runs.push_back(
          {keys[i].data(), values[i].data(), length, first_row[i], below, c.nodes[i].own});
    }
  }

  int64_t stride() const { return (shape.query_heads + 2 * shape.key_value_heads) * shape.width; }

  static bool is_below(const Case& c, size_t node, size_t above) {
    for (int n = static_cast<int>(node); n >= 0; n = c.nodes[static_cast<size_t>(n)].parent) {
      if (n == static_cast<int>(above)) return true;
    }
    return false;
  }

  // The result of one row and head. All key/value heads have the same keys here.
  std::vector<double> expected(const Case& c, size_t node, int64_t own, int64_t head) const {
    const int64_t width = shape.width, half = width / 2;
    const int64_t row = first_row[node] + own;
    std::vector<double> q(static_cast<size_t>(width));
    const T* in = qkv.data() + row * stride() + head * width;
    for (int64_t i = 0; i < half; ++i) {
      const double x = widened(in[i]), y = widened(in[i + half]);
      const double co = cos[static_cast<size_t>(row * half + i)];
      const double si = sin[static_cast<size_t>(row * half + i)];
      q[static_cast<size_t>(i)] = x * co - y * si;
      q[static_cast<size_t>(i + half)] = y * co + x * si;
    }
    std::vector<double> sum(static_cast<size_t>(width));
    double total = 0.0;
    for (int n = static_cast<int>(node); n >= 0; n = c.nodes[static_cast<size_t>(n)].parent) {
      const Node& at = c.nodes[static_cast<size_t>(n)];
      const bool self = n == static_cast<int>(node);
      const int64_t seen = at.cached + (self ? own + 1 : at.own);
      for (int64_t t = 0; t < seen; ++t) {
        double score = 0.0;
        for (int64_t e = 0; e < width; ++e) {
          score += q[static_cast<size_t>(e)] *
                   widened(plain_keys[static_cast<size_t>(n)][static_cast<size_t>(t * width + e)]);
        }
        const double weight = std::exp(score * shape.scale);
        total += weight;
        for (int64_t e = 0; e < width; ++e) {
          sum[static_cast<size_t>(e)] +=
              weight * widened(values[static_cast<size_t>(n)][static_cast<size_t>(t * width + e)]);
        }
      }
    }
    for (double& value : sum) value /= total;
    return sum;
  }

  AttentionShape shape;
  int64_t rows = 0;
  std::vector<T> qkv;
  std::vector<float> cos, sin;
  std::vector<int64_t> first_row;
  std::vector<std::vector<T>> keys, values, plain_keys;
  std::vector<SharedRun<T>> runs;
};

// `tolerance`: float's sums of a thousand terms of size 1; of Bf16, besides, one rounding of a
// result below 4.
template <class T>
void check(const Case& c, double tolerance) {
  const Tree<T> tree(c);
  std::vector<T> out(static_cast<size_t>(tree.rows * c.query_heads * c.width));
  const CachedAttention<T> a{tree.shape, tree.qkv.data(), tree.cos.data(), tree.sin.data(),
                             out.data()};
  AttentionScratch scratch;
  for (int64_t head = 0; head < c.key_value_heads; ++head) {
    attend_runs(a, tree.runs, head, {0, tree.rows}, scratch);
  }
  for (size_t node = 0; node < c.nodes.size(); ++node) {
    for (int64_t own = 0; own < c.nodes[node].own; ++own) {
      for (int64_t head = 0; head < c.query_heads; ++head) {
        const auto expected = tree.expected(c, node, own, head);
        const int64_t row = tree.first_row[node] + own;
        for (int64_t e = 0; e < c.width; ++e) {
          const auto at = static_cast<size_t>((row * c.query_heads + head) * c.width + e);
          ASSERT_NEAR(widened(out[at]), expected[static_cast<size_t>(e)], tolerance)
              << c.name << ": row " << row << ", head " << head << ", column " << e;
        }
      }
    }
  }
}

TEST(CachedAttention, FloatIsThatOfSumsInDouble) {
  for (const Case& c : kCases) check<float>(c, 1e-4);
}

TEST(CachedAttention, Bf16IsThatOfSumsInDouble) {
  for (const Case& c : kCases) check<Bf16>(c, 1e-4 + 4.0 / 256);
}

}  // namespace
}  // namespace relata::kernels
