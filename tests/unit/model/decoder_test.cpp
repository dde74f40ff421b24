// The Llama forward and backward pass against plain LibTorch code that follows the paper.
#include "relata/model/decoder.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "relata/model/prefix_tree.h"

namespace relata::model {
namespace {

DecoderConfig tiny() {
  DecoderConfig c;
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

TEST(Decoder, PackedRowsDoNotSeeEachOther) {
  at::NoGradGuard no_grad;
  auto model = Decoder::random(tiny(), 3);
  const auto rows = sentences();
  const at::Tensor packed = model->forward(Pass::of(rows));
  int64_t begin = 0;
  for (const auto& row : rows) {
    const at::Tensor alone = model->forward(Pass::of({row}));
    // Same arithmetic in another blocking of the matrix products: rounding only.
    EXPECT_LE(difference(packed.narrow(0, begin, alone.size(0)), alone), 1e-5);
    begin += alone.size(0);
  }
}

// A prompt kept in runs, then one or several tokens at a time behind them.
TEST(Decoder, GoingOnFromRunsEqualsTheFullPass) {
  at::NoGradGuard no_grad;
  auto model = Decoder::random(tiny(), 4);
  const auto prompts = sentences();
  Pass prefill = Pass::of(prompts);
  std::vector<KvRun> runs, own;
  for (const auto& prompt : prompts) {
    runs.push_back(model->make_run(static_cast<int64_t>(prompt.size())));
    own.push_back(model->make_run(20));
  }
  for (KvRun& run : runs) prefill.runs.push_back(&run);
  model->forward(prefill);
  std::vector<std::vector<int32_t>> longer = prompts;
  for (const int64_t step : {1, 1, 3, 1}) {  // tokens that go on together
    Pass pass;
    std::vector<int64_t> ids, positions;
    for (size_t i = 0; i < prompts.size(); ++i) {
      const auto base = static_cast<int64_t>(pass.segments.size());
      const auto from = static_cast<int64_t>(longer[i].size());
      pass.segments.push_back({0, runs[i].length, -1, true});
      pass.segments.push_back({0, own[i].length, base, true});
      pass.segments.push_back({static_cast<int64_t>(ids.size()), step, base + 1});
      pass.runs.insert(pass.runs.end(), {&runs[i], &own[i], &own[i]});
      for (int64_t t = 0; t < step; ++t) {
        ids.push_back(2 + (static_cast<int64_t>(i) * 7 + from + t) % 27);
        positions.push_back(from + t);
        longer[i].push_back(static_cast<int32_t>(ids.back()));
      }
    }
    pass.ids = at::tensor(ids, at::kLong);
    pass.positions = at::tensor(positions, at::kLong);
    const at::Tensor found = model->forward(pass);
    const at::Tensor full = model->forward(Pass::of(longer));
    int64_t end = 0;
    for (size_t i = 0; i < longer.size(); ++i) {
      end += static_cast<int64_t>(longer[i].size());
      const auto row = static_cast<int64_t>(i) * step;
      EXPECT_LE(difference(found.narrow(0, row, step), full.narrow(0, end - step, step)), 1e-4);
    }
  }
}

TEST(Decoder, PartOfARunIsWhatThoseTokensAloneLeave) {
  at::NoGradGuard no_grad;
  auto model = Decoder::random(tiny(), 8);
  std::vector<int32_t> ids(40);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * 5 % 29);
  KvRun run = model->make_run(40);
  Pass pass = Pass::of({ids});
  pass.runs = {&run};
  model->forward(pass);
  KvRun head = run.part(0, 19), tail = run.part(19, 39);
  Pass next;
  next.ids = at::tensor({int64_t{ids[39]}}, at::kLong);
  next.positions = at::tensor({int64_t{39}}, at::kLong);
  next.segments = {{0, 19, -1, true}, {0, 20, 0, true}, {0, 1, 1}};
  next.runs = {&head, &tail, nullptr};
  const at::Tensor full = model->forward(Pass::of({ids}));
  EXPECT_LE(difference(model->forward(next)[0], full[39]), 1e-4);
}

struct LossOptions {
  double dropout = 0.0;
  bool gradient_checkpointing = false;
};

at::Tensor loss_of(Decoder& model, const LossOptions& options) {
  Pass pass = Pass::of(sentences());
  pass.dropout = options.dropout;
  pass.dropout_seed = 77;
  pass.gradient_checkpointing = options.gradient_checkpointing;
  const at::Tensor hidden = model.forward(pass);
  const at::Tensor targets = at::remainder(pass.ids * 3 + 1, 29);
  return model.loss(hidden, targets, at::full({pass.ids.size(0)}, 0.1), 1.0);
}

// Directional derivative along the gradient itself, by central differences.
TEST(Decoder, GradientsMatchFiniteDifferences) {
  auto model = Decoder::random(tiny(), 5);
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

TEST(Decoder, CheckpointingGivesTheSameGradients) {
  auto model = Decoder::random(tiny(), 6);
  LossOptions options;
  options.dropout = 0.2;
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

TEST(Decoder, FreshLoraChangesNothingAndIsAllThatTrains) {
  auto model = Decoder::random(tiny(), 7);
  at::Tensor before;
  {
    at::NoGradGuard no_grad;
    before = model->forward(Pass::of(sentences()));
  }
  LoraConfig lora;
  lora.rank = 3;
  lora.targets = {"q_proj", "v_proj", "down_proj"};
  ASSERT_TRUE(model->add_adapter("a", lora, 1).ok());
  EXPECT_EQ(model->trainable().size(), 2U * 2 * 3);
  loss_of(*model, {}).backward();
  EXPECT_FALSE(model->named_weights()[0].second.requires_grad());
  at::NoGradGuard no_grad;
  EXPECT_EQ(difference(model->forward(Pass::of(sentences())), before), 0.0);
  for (auto& p : model->trainable()) {
    const bool is_b = p.name.find("lora_B") != std::string::npos;
    if (is_b) {
      EXPECT_GT(p.value.grad().norm().item<double>(), 0.0) << p.name;
    }
  }
}

}  // namespace
}  // namespace relata::model
