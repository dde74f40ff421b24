// Attention to sources against its definition in double precision: rows of this batch and cached
// ones, with and without the kernel.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "relata/kernels/attention.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

const Heads kHeads{3, 3, 10};
const int64_t kWidth = kHeads.query * kHeads.width;
constexpr double kScale = 0.4;

// One layer's keys and values of a source, kept.
struct Kept {
  at::Tensor keys, values;
  int64_t length = 0;
  CacheView view() const { return {keys.data_ptr(), values.data_ptr(), keys.size(1) * 16, length}; }
};

Kept empty_run(int64_t length) {
  const int64_t blocks = (length + kernels::kKeyBlock - 1) / kernels::kKeyBlock;
  return {at::empty({kHeads.key_value, blocks, kHeads.width, kernels::kKeyBlock}),
          at::empty({kHeads.key_value, blocks * kernels::kKeyBlock, kHeads.width}), 0};
}

at::Tensor definition(const at::Tensor& q, const at::Tensor& key_values) {
  const auto heads = [](const at::Tensor& x) {
    return x.to(at::kDouble).reshape({x.size(0), kHeads.query, kHeads.width}).transpose(0, 1);
  };
  const auto parts = key_values.chunk(2, 1);
  const at::Tensor scores = at::matmul(heads(q), heads(parts[0]).transpose(1, 2)) * kScale;
  return at::matmul(at::softmax(scores, -1), heads(parts[1])).transpose(0, 1).reshape(q.sizes());
}

class SourceAttention : public testing::Test {
 protected:
  // Rows of three sources of 7, 40 and 1 tokens; 4, none and 19 rows see them.
  std::vector<SourceSpan> spans() const {
    return {{0, 4, {0, 7}, {}}, {4, 0, {7, 40}, {}}, {4, 19, {47, 1}, {}}};
  }
  at::Tensor wanted() const {
    return at::cat({definition(q_.narrow(0, 0, 4), rows_.narrow(0, 0, 7)),
                    definition(q_.narrow(0, 4, 19), rows_.narrow(0, 47, 1))});
  }
  static void expect_near(const at::Tensor& found, const at::Tensor& wanted) {
    EXPECT_LE((found.to(at::kDouble) - wanted).abs().max().item<double>(), 1e-5);
  }
  static AttentionSpec spec() {
    AttentionSpec out;
    out.heads = kHeads;
    out.scale = kScale;
    return out;
  }
  AttentionSpec spec_ = spec();
  at::Tensor q_ = at::randn({23, kWidth});
  at::Tensor rows_ = at::randn({48, 2 * kWidth});
};

TEST_F(SourceAttention, OfRowsOfTheBatch) {
  expect_near(source_attention(q_, rows_, spans(), spec_), wanted());
}

TEST_F(SourceAttention, KeptAndSeenAgain) {
  at::NoGradGuard no_grad;
  std::vector<SourceSpan> list = spans();
  std::vector<Kept> runs;
  for (SourceSpan& span : list) {
    runs.push_back(empty_run(span.source.length));
    span.run = runs.back().view();
  }
  expect_near(source_attention(q_, rows_, list, spec_), wanted());
  for (size_t i = 0; i < list.size(); ++i) {
    runs[i].length = list[i].source.length;
    list[i].run = runs[i].view();
    list[i].source = {0, runs[i].length, -1, true};
  }
  expect_near(source_attention(q_, {}, list, spec_), wanted());
  // Some kept and some not: by plain operations.
  list[2].source = {47, 1};
  list[2].run = {};
  expect_near(source_attention(q_, rows_, list, spec_), wanted());
}

TEST_F(SourceAttention, Gradients) {
  const at::Tensor factors = at::randn({23, kWidth});
  const auto gradients = [&](bool plain) {
    at::Tensor q = q_.to(at::kDouble).requires_grad_(true);
    at::Tensor rows = rows_.to(at::kDouble).requires_grad_(true);
    const at::Tensor out =
        plain ? at::cat({definition(q.narrow(0, 0, 4), rows.narrow(0, 0, 7)),
                         definition(q.narrow(0, 4, 19), rows.narrow(0, 47, 1))})
              : source_attention(q.to(at::kFloat), rows.to(at::kFloat), spans(), spec_);
    (out * factors).sum().backward();
    return std::pair(q.grad(), rows.grad());
  };
  const auto [q, rows] = gradients(false);
  const auto [wanted_q, wanted_rows] = gradients(true);
  expect_near(q, wanted_q);
  expect_near(rows, wanted_rows);
}

TEST_F(SourceAttention, RowsThatSeeNothingAreAnError) {
  std::vector<SourceSpan> list = spans();
  list.pop_back();
  EXPECT_ANY_THROW(source_attention(q_, rows_, list, spec_));
}

}  // namespace
}  // namespace relata::nn
