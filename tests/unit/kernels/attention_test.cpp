// Attention over trees against plain loops in double precision.
#include "relata/kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace relata::kernels {
namespace {

struct Problem {
  AttentionShape shape;
  std::vector<AttentionTree> trees;
  int64_t tokens = 0;
  std::vector<float> qkv, cos, sin, dout;
  int64_t stride() const { return (shape.query_heads + 2 * shape.key_value_heads) * shape.width; }
  int64_t out_width() const { return shape.query_heads * shape.width; }
};

// Rows that token `t` sees, itself last.
std::vector<int64_t> sight_of(const Problem& p, int64_t t) {
  for (const AttentionTree& tree : p.trees) {
    for (const AttentionSegment& s : tree.segments) {
      if (t < s.own.begin || t >= s.own.begin + s.own.length) continue;
      std::vector<int64_t> rows;
      for (const Span& span : s.context) {
        for (int64_t i = 0; i < span.length; ++i) rows.push_back(span.begin + i);
      }
      for (int64_t i = s.own.begin; i <= t; ++i) rows.push_back(i);
      return rows;
    }
  }
  return {};
}

Problem make(const AttentionShape& shape, std::vector<AttentionTree> trees, unsigned seed) {
  Problem p{shape, std::move(trees), 0, {}, {}, {}, {}};
  p.shape.scale = 1.0F / std::sqrt(static_cast<float>(shape.width));
  for (const AttentionTree& tree : p.trees) p.tokens += tree.length;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const auto fill = [&](std::vector<float>& v, int64_t n) {
    v.resize(n);
    for (float& x : v) x = normal(random);
  };
  fill(p.qkv, p.tokens * p.stride());
  fill(p.dout, p.tokens * p.out_width());
  for (int64_t i = 0; i < p.tokens * shape.width / 2; ++i) {
    const float angle = 3.0F * normal(random);
    p.cos.push_back(std::cos(angle));
    p.sin.push_back(std::sin(angle));
  }
  return p;
}

struct Reference {
  std::vector<double> out, dqkv;
};

// Row `t` of a head, turned by its angles.
std::vector<double> turned(const Problem& p, int64_t t, int64_t column) {
  const int64_t half = p.shape.width / 2;
  std::vector<double> row(p.shape.width);
  const float* in = p.qkv.data() + t * p.stride() + column;
  for (int64_t i = 0; i < half; ++i) {
    const double c = p.cos[t * half + i], s = p.sin[t * half + i];
    row[i] = in[i] * c - in[i + half] * s;
    row[i + half] = in[i + half] * c + in[i] * s;
  }
  return row;
}

void add_turned_back(const Problem& p, int64_t t, int64_t column, const std::vector<double>& row,
                     std::vector<double>& dqkv) {
  const int64_t half = p.shape.width / 2;
  double* out = dqkv.data() + t * p.stride() + column;
  for (int64_t i = 0; i < half; ++i) {
    const double c = p.cos[t * half + i], s = p.sin[t * half + i];
    out[i] += row[i] * c + row[i + half] * s;
    out[i + half] += row[i + half] * c - row[i] * s;
  }
}

Reference reference(const Problem& p) {
  const AttentionShape& s = p.shape;
  Reference r{std::vector<double>(p.tokens * p.out_width()),
              std::vector<double>(p.tokens * p.stride())};
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.width));
  for (int64_t h = 0; h < s.query_heads; ++h) {
    const int64_t kv = h / (s.query_heads / s.key_value_heads);
    const int64_t key_column = (s.query_heads + kv) * s.width;
    const int64_t value_column = (s.query_heads + s.key_value_heads + kv) * s.width;
    for (int64_t t = 0; t < p.tokens; ++t) {
      const auto rows = sight_of(p, t);
      const auto query = turned(p, t, h * s.width);
      std::vector<double> weights;
      double total = 0;
      for (const int64_t row : rows) {
        const auto key = turned(p, row, key_column);
        double score = 0;
        for (int64_t e = 0; e < s.width; ++e) score += query[e] * key[e];
        weights.push_back(std::exp(score * scale));
        total += weights.back();
      }
      const float* dout = p.dout.data() + t * p.out_width() + h * s.width;
      std::vector<double> dweights(rows.size());
      double mean = 0;
      for (size_t j = 0; j < rows.size(); ++j) {
        weights[j] /= total;
        const float* value = p.qkv.data() + rows[j] * p.stride() + value_column;
        for (int64_t e = 0; e < s.width; ++e) {
          r.out[t * p.out_width() + h * s.width + e] += weights[j] * value[e];
          dweights[j] += dout[e] * static_cast<double>(value[e]);
          r.dqkv[rows[j] * p.stride() + value_column + e] += weights[j] * dout[e];
        }
        mean += weights[j] * dweights[j];
      }
      std::vector<double> dquery(s.width);
      for (size_t j = 0; j < rows.size(); ++j) {
        const double dscore = weights[j] * (dweights[j] - mean) * scale;
        const auto key = turned(p, rows[j], key_column);
        std::vector<double> dkey(s.width);
        for (int64_t e = 0; e < s.width; ++e) {
          dquery[e] += dscore * key[e];
          dkey[e] = dscore * query[e];
        }
        add_turned_back(p, rows[j], key_column, dkey, r.dqkv);
      }
      add_turned_back(p, t, h * s.width, dquery, r.dqkv);
    }
  }
  return r;
}

template <class T>
std::vector<T> converted(const std::vector<float>& in) {
  std::vector<T> out(in.size());
  for (size_t i = 0; i < in.size(); ++i) store(out[i], in[i]);
  return out;
}

template <class T>
void expect_equal(const std::vector<T>& found, const std::vector<double>& wanted,
                  double tolerance) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_NEAR(to_float(found[i]), wanted[i], tolerance * (1.0 + std::abs(wanted[i]))) << i;
  }
}

template <class T>
void check(Problem p, double tolerance) {
  // The reference sees the inputs as the kernel does, rounded to T.
  const auto qkv = converted<T>(p.qkv);
  const auto dout = converted<T>(p.dout);
  for (size_t i = 0; i < qkv.size(); ++i) p.qkv[i] = to_float(qkv[i]);
  for (size_t i = 0; i < dout.size(); ++i) p.dout[i] = to_float(dout[i]);
  const Reference wanted = reference(p);
  std::vector<T> out(dout.size()), dqkv(qkv.size());
  std::vector<float> logsumexp(p.tokens * p.shape.query_heads);
  // What an earlier call left in the scratch memory must not matter.
  AttentionScratch scratch(100, NAN);
  for (const AttentionTree& tree : p.trees) {
    for (int64_t head = 0; head < p.shape.key_value_heads; ++head) {
      for (const Span& rows : attention_pieces(p.shape, tree)) {
        attention_forward(
            {p.shape, qkv.data(), p.cos.data(), p.sin.data(), out.data(), logsumexp.data()}, tree,
            head, rows, scratch);
      }
    }
  }
  expect_equal(out, wanted.out, tolerance);
  std::fill(scratch.begin(), scratch.end(), NAN);
  for (const AttentionTree& tree : p.trees) {
    const AttentionGrad<T> a{p.shape,    qkv.data(),       p.cos.data(), p.sin.data(),
                             out.data(), logsumexp.data(), dout.data(),  dqkv.data()};
    const auto pieces = attention_pieces(p.shape, tree);
    const auto size = static_cast<size_t>(attention_sums_size(p.shape, tree));
    std::vector<float> sums(pieces.size() * size, NAN);
    for (int64_t head = 0; head < p.shape.key_value_heads; ++head) {
      for (size_t i = 0; i < pieces.size(); ++i) {
        attention_backward(a, tree, head, pieces[i], sums.data() + i * size, scratch);
      }
      store_key_gradients(a, tree, head, sums.data(), static_cast<int64_t>(pieces.size()));
    }
  }
  // Gradients sum over many tokens, and bfloat16 outputs enter them once more.
  expect_equal(dqkv, wanted.dqkv, 4 * tolerance);
}

AttentionTree single(int64_t begin, int64_t length) {
  return {begin, length, {{{begin, length}, {}}}};
}

// A root of 30, two branches of which one has two leaves: 30, 20, 5, 26, 1.
AttentionTree branched(int64_t b) {
  return {b,
          82,
          {{{b, 30}, {}},
           {{b + 30, 20}, {{b, 30}}},
           {{b + 50, 5}, {{b, 30}, {b + 30, 20}}},
           {{b + 55, 26}, {{b, 30}, {b + 30, 20}}},
           {{b + 81, 1}, {{b, 30}}}}};
}

// Errors of float sums of at most 80 x 16 terms stay below 1e-5; bfloat16 rounds to 2^-9.
constexpr double kFloatTolerance = 2e-5;
constexpr double kBf16Tolerance = 8e-3;

TEST(Attention, SeparateSequences) {
  check<float>(make({2, 2, 16}, {single(0, 1), single(1, 50), single(51, 24)}, 1), kFloatTolerance);
}

TEST(Attention, GroupedQueriesAndOddWidths) {
  check<float>(make({6, 2, 10}, {single(0, 33), single(33, 7)}, 2), kFloatTolerance);
  check<float>(make({3, 1, 72}, {single(0, 31)}, 3), kFloatTolerance);
}

TEST(Attention, TreesSeeTheirAncestorsOnly) {
  check<float>(make({4, 2, 32}, {branched(0), single(82, 9), branched(91)}, 4), kFloatTolerance);
}

TEST(Attention, Bfloat16) {
  check<Bf16>(make({4, 2, 32}, {branched(0), single(82, 40)}, 5), kBf16Tolerance);
}

// A prompt of 40, a branch of 700, 30 short ones, and a root alone: cut within segments and
// between.
AttentionTree long_tree() {
  AttentionTree tree{3, 1130, {{{3, 40}, {}}, {{43, 700}, {{3, 40}}}}};
  for (int64_t i = 0; i < 30; ++i) tree.segments.push_back({{743 + 13 * i, 13}, {{3, 40}}});
  return tree;
}

TEST(Attention, PiecesOfALongTree) {
  check<float>(make({2, 1, 16}, {single(0, 3), long_tree()}, 6), kFloatTolerance);
  check<float>(make({2, 2, 16}, {single(0, 1000)}, 7), kFloatTolerance);
  check<Bf16>(make({2, 1, 16}, {single(0, 600)}, 8), kBf16Tolerance);
}

TEST(Attention, PiecesCoverTheirTreeInEqualParts) {
  const AttentionTree tree = single(5, 2048);
  const auto pieces = attention_pieces({4, 2, 16}, tree);
  ASSERT_EQ(pieces.size(), 8U);
  int64_t next = 5;
  for (const Span& piece : pieces) {
    EXPECT_EQ(piece.begin, next);
    next += piece.length;
    const auto first = static_cast<double>(piece.begin - 5), last = static_cast<double>(next - 5);
    // Rows of a causal square; a block of 24 is at most 2.4 % of the work.
    EXPECT_NEAR((last * last - first * first) / (2048.0 * 2048.0), 1.0 / 8, 0.03);
  }
  EXPECT_EQ(next, 5 + 2048);
  EXPECT_EQ(attention_pieces({4, 2, 16}, single(0, 511)).size(), 1U);  // not worth it
  EXPECT_EQ(attention_pieces({32, 32, 16}, tree).size(), 1U);          // heads enough
  EXPECT_EQ(attention_pieces({4, 2, 16}, {0, 900, {}}).size(), 1U);    // nothing to compute
}

}  // namespace
}  // namespace relata::kernels
