// The Llama forward and backward pass against plain LibTorch code that follows the paper.
#include "relata/model/llama.h"

#include <gtest/gtest.h>

#include <cmath>

#include "relata/model/prefix_tree.h"

namespace relata::model {
namespace {

LlamaConfig tiny() {
  LlamaConfig c;
  c.vocab_size = 29;
  c.hidden_size = 24;
  c.intermediate_size = 40;
  c.num_layers = 2;
  c.num_heads = 3;
  c.num_kv_heads = 1;
  c.head_dim = 8;
  c.max_positions = 64;
  c.initializer_range = 0.3;
  return c;
}

std::vector<std::vector<int32_t>> sentences() {
  return {{1, 4, 7, 9, 3}, {1, 5}, {1, 28, 27, 26, 25, 24, 23}};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(Llama, PackedRowsDoNotSeeEachOther) {
  at::NoGradGuard no_grad;
  auto model = Llama::random(tiny(), 3);
  const auto rows = sentences();
  const at::Tensor packed = model->hidden(Batch::of(rows));
  int64_t begin = 0;
  for (const auto& row : rows) {
    const at::Tensor alone = model->hidden(Batch::of({row}));
    // Same arithmetic in another blocking of the matrix products: rounding only.
    EXPECT_LE(difference(packed.narrow(0, begin, alone.size(0)), alone), 1e-5);
    begin += alone.size(0);
  }
}

TEST(Llama, DecodingWithCacheEqualsTheFullPass) {
  at::NoGradGuard no_grad;
  auto model = Llama::random(tiny(), 4);
  // The first token is common; two rows are equal, one is the beginning of another.
  auto rows = sentences();
  rows.push_back(rows[2]);
  rows.push_back({1, 28, 27, 26});
  rows.push_back({2, 28, 27, 26, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
  std::vector<KvCache> caches;
  const PackedSequences packed = pack_sequences(rows, 1);
  const at::Tensor last = model->prefill(packed, caches, 4);
  const at::Tensor whole = model->hidden(packed.batch);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_LE(difference(last[static_cast<int64_t>(i)], whole[packed.rows[i].back()]), 1e-5);
  }
  EXPECT_FALSE(caches[0].shared.empty());
  std::vector<std::vector<int32_t>> longer = rows;
  for (int step = 0; step < 4; ++step) {
    std::vector<int64_t> next;
    std::vector<KvCache*> pointers;
    for (size_t i = 0; i < rows.size(); ++i) {
      next.push_back(2 + step + static_cast<int64_t>(i));
      longer[i].push_back(static_cast<int32_t>(next.back()));
      pointers.push_back(&caches[i]);
    }
    const at::Tensor decoded = model->decode(at::tensor(next, at::kLong), pointers);
    const at::Tensor full = model->hidden(Batch::of(longer));
    int64_t end = 0;
    for (size_t i = 0; i < longer.size(); ++i) {
      end += static_cast<int64_t>(longer[i].size());
      EXPECT_LE(difference(decoded[static_cast<int64_t>(i)], full[end - 1]), 1e-4);
    }
  }
}

at::Tensor loss_of(Llama& model, const ForwardOptions& options) {
  const Batch batch = Batch::of(sentences());
  const at::Tensor hidden = model.hidden(batch, options);
  const at::Tensor targets = at::remainder(batch.ids * 3 + 1, 29);
  return model.loss(hidden, targets, at::full({batch.ids.size(0)}, 0.1), 1.0);
}

// Directional derivative along the gradient itself, by central differences.
TEST(Llama, GradientsMatchFiniteDifferences) {
  auto model = Llama::random(tiny(), 5);
  for (auto& p : model->trainable()) {
    model->weights_changed();
    for (auto& q : model->trainable()) q.value.mutable_grad() = at::Tensor();
    loss_of(*model, {}).backward();
    const at::Tensor gradient = p.value.grad().clone();
    const double norm = gradient.norm().item<double>();
    if (norm < 1e-4) continue;  // below what float32 differences can resolve
    const double step = 2e-2;
    at::NoGradGuard no_grad;
    const at::Tensor direction = gradient / norm * step;
    const auto moved = [&](double factor) {
      p.value.add_(direction, factor);
      model->weights_changed();
      const double value = loss_of(*model, {}).item<double>();
      p.value.sub_(direction, factor);
      return value;
    };
    // Fourth-order stencil: the error of the second-order one is larger than the bound here.
    const double slope = (8 * (moved(0.5) - moved(-0.5)) - (moved(1) - moved(-1))) / (6 * step);
    EXPECT_NEAR(slope / norm, 1.0, 2e-2) << p.name;
  }
}

TEST(Llama, CheckpointingGivesTheSameGradients) {
  auto model = Llama::random(tiny(), 6);
  ForwardOptions options;
  options.dropout = 0.2;
  options.dropout_seed = 77;
  std::vector<at::Tensor> plain;
  loss_of(*model, options).backward();
  for (auto& p : model->trainable()) {
    plain.push_back(p.value.grad().clone());
    p.value.mutable_grad() = at::Tensor();
  }
  options.gradient_checkpointing = true;
  loss_of(*model, options).backward();
  const auto parameters = model->trainable();
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_LE(difference(parameters[i].value.grad(), plain[i]), 1e-6) << parameters[i].name;
  }
}

TEST(Llama, FreshLoraChangesNothingAndIsAllThatTrains) {
  auto model = Llama::random(tiny(), 7);
  at::Tensor before;
  {
    at::NoGradGuard no_grad;
    before = model->hidden(Batch::of(sentences()));
  }
  LoraConfig lora;
  lora.rank = 3;
  lora.targets = {"q_proj", "v_proj", "down_proj"};
  ASSERT_TRUE(model->add_lora(lora, 1).ok());
  EXPECT_EQ(model->trainable().size(), 2U * 2 * 3);
  loss_of(*model, {}).backward();
  EXPECT_FALSE(model->named_weights()[0].second.requires_grad());
  at::NoGradGuard no_grad;
  EXPECT_EQ(difference(model->hidden(Batch::of(sentences())), before), 0.0);
  for (auto& p : model->trainable()) {
    const bool is_b = p.name.find("lora_B") != std::string::npos;
    if (is_b) {
      EXPECT_GT(p.value.grad().norm().item<double>(), 0.0) << p.name;
    }
  }
}

}  // namespace
}  // namespace relata::model
