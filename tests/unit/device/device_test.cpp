// Models on a device that is not the CPU: passes, gradients, training and answers are the CPU's but
// for rounding.
#include "relata/model/device.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <random>

#include "relata/engine/native.h"
#include "relata/model/decoder.h"
#include "relata/model/prefix_tree.h"
#include "relata/nn/quantized.h"
#include "relata/train/trainer.h"
#include "scrambled_device.h"

namespace relata {
namespace {

using model::Decoder;
using model::DecoderConfig;
using model::Pass;

// The same sums in another order, float32.
constexpr double kTolerance = 1e-4;

class Device : public testing::Test {
 protected:
  static void SetUpTestSuite() { register_scrambled_device(); }
};

DecoderConfig tiny() {
  DecoderConfig c;
  c.vocab_size = 61;
  c.hidden_size = 32;
  c.intermediate_size = 48;
  c.num_layers = 3;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 8;
  c.max_positions = 128;
  c.initializer_range = 0.3;
  c.eos_ids = {2};
  return c;
}

DecoderConfig with(void (*change)(DecoderConfig&)) {
  DecoderConfig c = tiny();
  change(c);
  return c;
}

// One of each kind of what blocks can differ in.
std::vector<DecoderConfig> kinds() {
  return {tiny(), with([](DecoderConfig& c) {
            c.tie_embeddings = true;
            c.qkv_bias = true;
          }),
          with([](DecoderConfig& c) {
            c.sliding_window = 6;
            c.sliding_layers = {true, false, true};
            c.qk_norm = true;
            c.post_norms = true;
          }),
          with([](DecoderConfig& c) {
            c.alibi = true;
            c.rope.type = "none";
            c.num_kv_heads = 4;
            c.normalised_head = true;
            c.tie_embeddings = false;
          })};
}

std::vector<int32_t> random_ids(std::mt19937& random, size_t count) {
  std::vector<int32_t> ids(count);
  for (int32_t& id : ids) id = 3 + static_cast<int32_t>(random() % 58);
  return ids;
}

// Sequences that share beginnings.
std::vector<std::vector<int32_t>> sequences() {
  std::mt19937 random(3);
  const auto common = random_ids(random, 20);
  std::vector<std::vector<int32_t>> out;
  for (const size_t length : {4, 1, 9}) {
    out.push_back(common);
    const auto own = random_ids(random, length);
    out.back().insert(out.back().end(), own.begin(), own.end());
  }
  out.push_back(random_ids(random, 7));
  return out;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.cpu().to(at::kFloat) - b.cpu().to(at::kFloat)).abs().max().item<double>();
}

struct Pair {
  std::shared_ptr<Decoder> here, there;
};

// The same model on both devices, with an adapter of which B is not zero if asked for.
Pair both(const DecoderConfig& config, bool adapter) {
  Pair out{Decoder::random(config, 5), Decoder::random(config, 5)};
  for (const auto& model : {out.here, out.there}) {
    if (!adapter) continue;
    model::LoraConfig lora;
    lora.rank = 3;
    EXPECT_TRUE(model->add_adapter("a", lora, 7).ok());
    at::NoGradGuard no_grad;
    auto generator = at::make_generator<at::CPUGeneratorImpl>(9);
    for (auto& p : model->trainable()) p.value.normal_(0.0, 0.2, generator);
  }
  out.there->to(scrambled_device());
  return out;
}

model::PackedSequences packed(int adapter) {
  std::vector<model::Sequence> list;
  for (const auto& ids : sequences()) {
    list.emplace_back().ids = ids;
    list.back().adapter = adapter;
  }
  return model::pack_sequences(list, 4);
}

TEST_F(Device, WhatItHoldsCannotBeReadFromTheCpu) {
  const at::Tensor x = at::tensor({1.0F, 2.0F, 3.0F});
  const at::Tensor there = x.to(scrambled_device());
  EXPECT_NE(static_cast<const float*>(there.data_ptr())[0], 1.0F);
  EXPECT_TRUE(at::equal((there * 2).cpu(), x * 2));
  EXPECT_THROW(there + x, std::exception);
}

TEST_F(Device, PassesAndGradientsAreTheCpus) {
  for (const bool adapter : {false, true}) {
    for (const bool checkpointing : {false, true}) {
      for (const DecoderConfig& config : kinds()) {
        const Pair pair = both(config, adapter);
        model::PackedSequences batch = packed(adapter ? 0 : -1);
        batch.pass.gradient_checkpointing = checkpointing;
        const int64_t rows = batch.pass.ids.numel();
        batch.pass.rows = at::arange(0, rows, 2, at::kLong);
        const at::Tensor targets = batch.pass.ids.index_select(0, batch.pass.rows);
        const at::Tensor weights = at::ones({targets.numel()}, at::kFloat);
        std::vector<at::Tensor> losses;
        for (const auto& model : {pair.here, pair.there}) {
          const at::Tensor hidden = model->forward(batch.pass);
          EXPECT_EQ(hidden.device(), model->device());
          losses.push_back(model->loss(hidden, targets, weights, static_cast<double>(rows)));
          losses.back().backward();
        }
        EXPECT_LE(difference(losses[0], losses[1]), kTolerance);
        const auto here = pair.here->trainable(), there = pair.there->trainable();
        ASSERT_EQ(here.size(), there.size());
        for (size_t i = 0; i < here.size(); ++i) {
          ASSERT_EQ(here[i].value.grad().defined(), there[i].value.grad().defined());
          if (!here[i].value.grad().defined()) continue;
          EXPECT_LE(difference(here[i].value.grad(), there[i].value.grad()), kTolerance)
              << here[i].name;
        }
      }
    }
  }
}

TEST_F(Device, EncodersAndEncoderDecodersToo) {
  const DecoderConfig encoder = with([](DecoderConfig& c) {
    c.model_type = "bert";
    c.causal = c.gated = false;
    c.num_kv_heads = c.num_heads;
    c.layer_norm = c.norm_after = true;
    c.qkv_bias = c.output_bias = c.mlp_bias = true;
    c.position_rows = c.max_positions = 64;
    c.token_types = 2;
    c.tie_embeddings = true;
    c.labels = 1;
  });
  at::NoGradGuard no_grad;
  const Pair pair = both(encoder, false);
  const Pass pass = Pass::of(sequences());
  const at::Tensor here = pair.here->forward(pass), there = pair.there->forward(pass);
  EXPECT_LE(difference(here, there), kTolerance);
  EXPECT_LE(difference(pair.here->label_logits(here), pair.there->label_logits(there)), kTolerance);
  EXPECT_LE(difference(pair.here->logits_of(here, at::arange(5)),
                       pair.there->logits_of(there, at::arange(5))),
            kTolerance * 10);
  const DecoderConfig t5 = with([](DecoderConfig& c) {
    c.model_type = "t5";
    c.encoder_layers = 2;
    c.num_kv_heads = c.num_heads;
    c.relative_buckets = 8;
    c.relative_distance = 16;
    c.rope.type = "none";
    c.start_id = 0;
  });
  const Pair two = both(t5, false);
  std::vector<model::Sequence> list;
  for (const auto& ids : sequences()) {
    model::Sequence& sequence = list.emplace_back();
    sequence.ids = ids;
    sequence.source = ids.size() / 2;
  }
  const Pass sources = model::pack_sequences(list, 4).pass;
  EXPECT_LE(difference(two.here->forward(sources), two.there->forward(sources)), kTolerance);
}

TEST_F(Device, QuantisedRowsAreTheCpus) {
  at::NoGradGuard no_grad;
  const at::Tensor matrix = at::randn({24, 128});
  const at::Tensor x = at::randn({5, 128});
  const auto rows = nn::QuantizedRows::of_nf4(nn::quantize_nf4(matrix, true), 24, 128);
  const nn::Weight here({rows}), there({rows.to(scrambled_device())});
  const at::Tensor ids = at::tensor({3, 0, 23, 3}, at::kLong);
  EXPECT_LE(difference(here.multiply(x, {}), there.multiply(x.to(scrambled_device()), {})), 1e-3);
  EXPECT_TRUE(at::equal(here.rows(ids), there.rows(ids).cpu()));
}

TEST_F(Device, AnswersAndScoresAreTheCpus) {
  std::vector<generate::GenerateRequest> requests;
  std::vector<generate::ScoreRequest> scores;
  for (const auto& ids : sequences()) {
    requests.emplace_back().prompt = ids;
    requests.back().max_new_tokens = 20;  // beyond a block of keys
    scores.push_back({ids, {{7}, {8, 9}, {8, 9, 10, 11}}, ""});
  }
  for (const DecoderConfig& config : kinds()) {
    const Pair pair = both(config, true);
    engine::NativeEngineOptions options;
    options.max_batch_requests = 3;
    const auto here = engine::make_engine(pair.here, nullptr, options, "test");
    const auto there = engine::make_engine(pair.there, nullptr, options, "test");
    for (const int round : {1, 2}) {  // the second from cached prompts
      const auto a = here->generate(requests).value(), b = there->generate(requests).value();
      for (size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(a[i].ids, b[i].ids) << round;
        for (size_t t = 0; t < a[i].logprobs.size(); ++t) {
          EXPECT_NEAR(a[i].logprobs[t], b[i].logprobs[t], kTolerance * 10);
        }
      }
      const auto c = here->score(scores).value(), d = there->score(scores).value();
      for (size_t i = 0; i < c.size(); ++i) {
        for (size_t k = 0; k < c[i].token_logprobs.size(); ++k) {
          for (size_t t = 0; t < c[i].token_logprobs[k].size(); ++t) {
            EXPECT_NEAR(c[i].token_logprobs[k][t], d[i].token_logprobs[k][t], kTolerance * 10);
          }
        }
      }
    }
  }
}

class DeviceTraining : public Device {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / "relata_device_XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    for (const auto& ids : sequences()) {
      train::Row& row = rows_.emplace_back();
      row.ids = ids;
      row.weights.assign(ids.size(), 0.0F);
      row.weights.back() = 1.0F;
    }
    config_.max_steps = 6;
    config_.per_device_train_batch_size = 2;
    config_.learning_rate = 0.01;
    config_.weight_decay = 0.1;
    config_.ema_decay = 0.9;
    config_.save_steps = 3;
    config_.save_total_limit = 10;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void run(Decoder& model, const std::string& name) {
    config_.output_dir = folder_ + "/" + name;
    const auto done = train::train(model, rows_, config_);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  static void expect_same(const Decoder& a, const Decoder& b, double tolerance) {
    const auto x = a.trainable(), y = b.trainable();
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_LE(difference(x[i].value, y[i].value), tolerance) << x[i].name;
    }
  }
  std::string folder_;
  std::vector<train::Row> rows_;
  train::TrainerConfig config_;
};

TEST_F(DeviceTraining, EndsInTheCpusWeights) {
  // With the usual 1e-8 a gradient that is nothing but rounding, 1e-9 and of either sign, makes a
  // whole step of 0.01; with this it makes 0.01 * 1e-9 / 1e-3, and what 1e-6 makes stays below
  // 1e-4.
  config_.adam_epsilon = 1e-3;
  for (const bool adapter : {false, true}) {
    const Pair pair = both(tiny(), adapter);
    run(*pair.here, adapter ? "here-a" : "here");
    run(*pair.there, adapter ? "there-a" : "there");
    expect_same(*pair.here, *pair.there, 1e-4);
  }
}

TEST_F(DeviceTraining, ResumesToTheSameWeightsWithDropout) {
  config_.dropout = 0.1;
  const auto whole = both(tiny(), false).there;
  run(*whole, "run");
  std::filesystem::remove_all(folder_ + "/run/checkpoint-6");
  const auto resumed = both(tiny(), false).there;
  config_.resume_from_checkpoint = "auto";
  config_.overwrite_output_dir = true;
  run(*resumed, "run");
  expect_same(*whole, *resumed, 0.0);
}

TEST_F(DeviceTraining, AdaptersAreSavedAndReadAgain) {
  const Pair pair = both(tiny(), true);
  ASSERT_TRUE(pair.there->save_adapter(0, folder_ + "/adapter").ok());
  auto fresh = Decoder::random(tiny(), 5);
  fresh->to(scrambled_device());
  ASSERT_TRUE(fresh->load_adapter("a", folder_ + "/adapter").ok());
  expect_same(*pair.here, *fresh, 0.0);
}

TEST(FindDevice, NamesAreCheckedAndWhatIsMissingIsSaid) {
  EXPECT_TRUE(model::find_device("cpu").value().is_cpu());
  for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1234", "cpu:0"}) {
    const auto found = model::find_device(name);
    ASSERT_FALSE(found.ok()) << name;
    EXPECT_EQ(found.error().code, ErrorCode::kUsage);
  }
  const auto far = model::find_device("cuda:99");
  ASSERT_FALSE(far.ok());
  EXPECT_NE(far.error().message.find("cuda:99"), std::string::npos);
  EXPECT_FALSE(far.error().hint.empty());
}

}  // namespace
}  // namespace relata
