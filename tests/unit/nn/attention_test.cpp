// Attention over packed trees and cached runs against a dense mask in double precision, in float32
// and bfloat16.
#include "relata/kernels/attention.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

const Heads kHeads{6, 2, 32};

// Three sequences of which two begin alike, then one by itself; 23 tokens.
Segments tree() { return {{0, 7, -1}, {7, 3, 0}, {10, 8, 0}, {18, 5, -1}}; }

std::vector<int64_t> positions_of(const Segments& segments) {
  std::vector<int64_t> out;
  std::vector<int64_t> ends;
  for (const Segment& s : segments) {
    const int64_t first = s.parent < 0 ? 0 : ends[static_cast<size_t>(s.parent)];
    for (int64_t i = 0; i < s.length; ++i) out.push_back(first + i);
    ends.push_back(first + s.length);
  }
  return out;
}

Rotation rotation_of(const std::vector<int64_t>& positions) {
  const int64_t half = kHeads.width / 2;
  const at::Tensor inverse = at::pow(100.0, -at::arange(half, at::kDouble) / half);
  const at::Tensor angles = at::tensor(positions, at::kDouble).unsqueeze(1) * inverse;
  return {angles.cos().to(at::kFloat), angles.sin().to(at::kFloat)};
}

// sees[i][j]: token i sees token j.
at::Tensor sight(const Segments& segments, int64_t window) {
  const std::vector<int64_t> positions = positions_of(segments);
  const auto tokens = static_cast<int64_t>(positions.size());
  at::Tensor sees = at::zeros({tokens, tokens}, at::kBool);
  for (size_t i = 0; i < segments.size(); ++i) {
    for (int64_t t = segments[i].begin; t < segments[i].begin + segments[i].length; ++t) {
      for (auto s = static_cast<int64_t>(i); s >= 0; s = segments[static_cast<size_t>(s)].parent) {
        const Segment& seen = segments[static_cast<size_t>(s)];
        for (int64_t j = seen.begin; j < seen.begin + seen.length && j <= t; ++j) {
          const int64_t distance =
              positions[static_cast<size_t>(t)] - positions[static_cast<size_t>(j)];
          sees[t][j] = window == 0 || distance < window;
        }
      }
    }
  }
  return sees;
}

struct Dense {
  at::Tensor out;    // [N, H * E] double
  at::Tensor bound;  // of what rounding in bfloat16 may change
};

// The definition, in double precision. The bound takes every rotated number, probability and result
// as rounded once to eight bits.
Dense dense(const at::Tensor& qkv, const Rotation& rotation, const at::Tensor& sees) {
  const int64_t tokens = qkv.size(0);
  const at::Tensor rows = qkv.to(at::kDouble).view({tokens, -1, kHeads.width});
  const at::Tensor cos = rotation.cos.to(at::kDouble).unsqueeze(1);
  const at::Tensor sin = rotation.sin.to(at::kDouble).unsqueeze(1);
  const auto turn = [&](const at::Tensor& x) {
    const auto halves = x.chunk(2, 2);
    return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, 2);
  };
  const int64_t repeat = kHeads.query / kHeads.key_value;
  const auto per_query = [&](const at::Tensor& x) {
    return x.repeat_interleave(repeat, 1).transpose(0, 1);
  };
  const at::Tensor query = turn(rows.narrow(1, 0, kHeads.query)).transpose(0, 1);
  const at::Tensor key = per_query(turn(rows.narrow(1, kHeads.query, kHeads.key_value)));
  const at::Tensor value =
      per_query(rows.narrow(1, kHeads.query + kHeads.key_value, kHeads.key_value));
  const double scale = 1.0 / std::sqrt(static_cast<double>(kHeads.width));
  const at::Tensor scores =
      (query.matmul(key.transpose(1, 2)) * scale).masked_fill(sees.logical_not(), -INFINITY);
  const at::Tensor p = scores.softmax(2);
  const auto joined = [&](const at::Tensor& x) {
    return x.transpose(0, 1).reshape({tokens, kHeads.query * kHeads.width});
  };
  const double eps = std::ldexp(1.0, -8);
  const at::Tensor slip =
      (query.abs().matmul(key.abs().transpose(1, 2)) * scale * 2 * eps).amax({2}, true);
  const at::Tensor spread = p.matmul(value.abs());
  const at::Tensor out = p.matmul(value);
  return {joined(out), joined((at::expm1(2 * slip) + eps) * spread + eps * out.abs())};
}

struct Case {
  at::ScalarType type = at::kFloat;
  int64_t window = 0;
};

class Attention : public testing::TestWithParam<Case> {
 protected:
  static at::Tensor input(int64_t tokens) {
    at::manual_seed(7);
    return at::randn({tokens, (kHeads.query + 2 * kHeads.key_value) * kHeads.width})
        .to(GetParam().type);
  }
  static AttentionSpec spec() {
    AttentionSpec out;
    out.heads = kHeads;
    out.window = GetParam().window;
    return out;
  }
  static void expect_near(const at::Tensor& got, const Dense& want, const std::string& where) {
    const at::Tensor error = (got.to(at::kDouble) - want.out).abs();
    // In float32 the same steps round at 24 bits instead of 8.
    const double share = GetParam().type == at::kFloat ? std::ldexp(1.0, -14) : 1.0;
    EXPECT_TRUE((error <= want.bound * share + 1e-7).all().item<bool>())
        << where << ": " << (error / want.bound).max().item<double>() << " of the bound";
    EXPECT_GT(want.out.abs().max().item<double>(), 0.1);
  }
};

TEST_P(Attention, TreeEqualsDenseMask) {
  const Segments segments = tree();
  const Rotation rotation = rotation_of(positions_of(segments));
  const at::Tensor qkv = input(23);
  const at::Tensor got = attention(qkv, rotation, segments, {}, spec());
  expect_near(got, dense(qkv, rotation, sight(segments, GetParam().window)), "tree");
}

TEST_P(Attention, ContinuedRunEqualsWhole) {
  const int64_t total = 23;
  const int64_t first = 9;
  const Segments whole = {{0, total, -1}};
  const Rotation rotation = rotation_of(positions_of(whole));
  const at::Tensor qkv = input(total);
  const int64_t capacity = 2 * kernels::kKeyBlock;
  at::Tensor keys = at::zeros({kHeads.key_value, capacity, kHeads.width}, qkv.options());
  at::Tensor values = at::zeros_like(keys);
  CacheView run{keys.data_ptr(), values.data_ptr(), capacity, 0};
  std::vector<at::Tensor> parts;
  for (const auto& [begin, length] :
       {std::pair<int64_t, int64_t>{0, first}, {first, 1}, {first + 1, total - first - 1}}) {
    const Rotation turns = {rotation.cos.narrow(0, begin, length),
                            rotation.sin.narrow(0, begin, length)};
    // What the run holds already is a cached segment, which the new tokens go on from.
    Segments segments = {{0, length, -1}};
    std::vector<CacheView> runs = {run};
    if (run.length > 0) {
      segments = {{0, run.length, -1, true}, {0, length, 0}};
      runs = {run, run};
    }
    parts.push_back(attention(qkv.narrow(0, begin, length), turns, segments, runs, spec()));
    run.length += length;
  }
  expect_near(at::cat(parts, 0), dense(qkv, rotation, sight(whole, GetParam().window)), "parts");
}

// Long enough that several threads share the rows of one tree, within segments and between them.
TEST_P(Attention, LongTreeEqualsDenseMask) {
  const at::NoGradGuard no_grad;
  const Segments segments = {{0, 150, -1}, {150, 70, 0}, {220, 1, 1}, {221, 90, 1}, {311, 20, 0}};
  const std::vector<CacheView> runs(segments.size());
  const Rotation rotation = rotation_of(positions_of(segments));
  const at::Tensor qkv = input(331);
  const at::Tensor got = attention(qkv, rotation, segments, runs, spec());
  expect_near(got, dense(qkv, rotation, sight(segments, GetParam().window)), "long tree");
}

TEST_P(Attention, GradientEqualsDenseMask) {
  if (GetParam().type != at::kFloat) GTEST_SKIP() << "compared in float32";
  const Segments segments = tree();
  const Rotation rotation = rotation_of(positions_of(segments));
  const at::Tensor qkv = input(23).requires_grad_(true);
  const at::Tensor weight = at::randn({23, kHeads.query * kHeads.width});
  attention(qkv, rotation, segments, {}, spec()).mul(weight).sum().backward();
  const at::Tensor same = qkv.detach().to(at::kDouble).requires_grad_(true);
  dense(same, rotation, sight(segments, GetParam().window)).out.mul(weight).sum().backward();
  const at::Tensor error = (qkv.grad().to(at::kDouble) - same.grad()).abs();
  // Sums of at most 23 products of numbers below 4 at 24 bits.
  EXPECT_LT(error.max().item<double>(), 23 * 16 * std::ldexp(1.0, -24) * 4);
  EXPECT_GT(same.grad().abs().max().item<double>(), 0.1);
}

INSTANTIATE_TEST_SUITE_P(Types, Attention,
                         testing::Values(Case{at::kFloat, 0}, Case{at::kBFloat16, 0},
                                         Case{at::kFloat, 5}, Case{at::kBFloat16, 5}));

}  // namespace
}  // namespace relata::nn
