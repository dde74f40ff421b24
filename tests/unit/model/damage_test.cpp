// What is said of a model whose output is not a number.
#include "relata/model/damage.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <limits>

#include "relata/model/decoder.h"

namespace relata::model {
namespace {

constexpr const char* kUp = "model.layers.1.mlp.up_proj.weight";

std::shared_ptr<Decoder> tiny_model() {
  DecoderConfig c;
  c.vocab_size = 31;
  c.hidden_size = 16;
  c.intermediate_size = 24;
  c.num_layers = 2;
  c.num_heads = 2;
  c.num_kv_heads = 1;
  c.head_dim = 8;
  c.max_positions = 32;
  return Decoder::random(c, 3);
}

void damage(const Decoder& model, const std::string& tensor) {
  at::NoGradGuard no_grad;
  for (auto& [name, value] : model.named_weights()) {
    if (name == tensor) value.view({-1})[0] = std::numeric_limits<float>::quiet_NaN();
  }
}

bool mentions(const Error& error, const std::string& words) {
  return error.code == ErrorCode::kBadInput && error.message.find(words) != std::string::npos;
}

TEST(Damage, AWeightInMemoryIsNamed) {
  const auto model = tiny_model();
  damage(*model, kUp);
  EXPECT_TRUE(mentions(not_a_number(*model), kUp)) << not_a_number(*model).message;
  EXPECT_FALSE(check_output(*model, at::full({2}, std::numeric_limits<float>::infinity())).ok());
  EXPECT_TRUE(check_output(*model, at::ones({2})).ok());
}

TEST(Damage, OverflowIsOfTheType) {
  const auto model = tiny_model();
  EXPECT_TRUE(mentions(not_a_number(*model), "overflows in float32"));
  model->set_compute_type(at::kBFloat16);
  EXPECT_TRUE(mentions(not_a_number(*model), "overflows in bfloat16"));
  EXPECT_NE(not_a_number(*model).hint.find("--dtype float32"), std::string::npos);
}

TEST(Damage, AnAdapterIsNamedByItsOwnTensor) {
  const auto model = tiny_model();
  const int adapter = model->add_adapter("pair", LoraConfig{}, 1).value();
  EXPECT_TRUE(check_adapter(*model, adapter).ok());
  at::NoGradGuard no_grad;
  for (auto& p : model->trainable()) {
    if (p.name.ends_with("lora_B")) p.value[0][0] = std::numeric_limits<float>::infinity();
  }
  const Status status = check_adapter(*model, adapter);
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(mentions(status.error(), "base_model.model.model.layers.0.self_attn."));
  EXPECT_TRUE(mentions(not_a_number(*model), "lora_B.weight"));
}

TEST(Damage, WhatIsLeftOfAPackedModelIsLookedAt) {
  const auto model = tiny_model();
  damage(*model, "model.norm.weight");
  model->keep_packed_only();
  EXPECT_TRUE(mentions(not_a_number(*model), "model.norm.weight"));
}

TEST(Damage, OfWhatIsWrittenTheTypeMayBeTooSmall) {
  const at::Tensor value = at::full({3}, 1e6F);
  EXPECT_TRUE(check_written("a", value, value).ok());
  EXPECT_TRUE(check_written("a", value, value.to(at::kBFloat16)).ok());
  const Status half = check_written("a", value, value.to(at::kHalf));
  ASSERT_FALSE(half.ok());
  EXPECT_TRUE(mentions(half.error(), "too large for type F16"));
  const at::Tensor bad = value / 0;
  EXPECT_TRUE(mentions(check_written("a", bad, bad.to(at::kHalf)).error(), "not finite"));
}

}  // namespace
}  // namespace relata::model
