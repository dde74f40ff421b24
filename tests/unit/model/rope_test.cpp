#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "relata/model/config.h"

namespace relata::model {
namespace {

DecoderConfig with_rope(const RopeConfig& rope, int64_t head_dim, int64_t max_positions) {
  DecoderConfig config;
  config.hidden_size = 2 * head_dim;
  config.num_heads = 2;
  config.num_kv_heads = 2;
  config.head_dim = head_dim;
  config.max_positions = max_positions;
  config.rope = rope;
  return config;
}

RopeFrequencies frequencies(const DecoderConfig& config, int64_t length) {
  return rope_frequencies(config, config.rope, length);
}

void expect_near(const RopeFrequencies& found, const std::vector<float>& inverse, float scale) {
  ASSERT_EQ(found.inverse.size(), inverse.size());
  // Two units in the last place: the power functions of libm and of PyTorch differ in the last one.
  for (size_t i = 0; i < inverse.size(); ++i) {
    EXPECT_NEAR(found.inverse[i], inverse[i], 2.4e-7F * inverse[i]) << "at " << i;
  }
  EXPECT_FLOAT_EQ(found.attention_scale, scale);
}

// The constants were computed by Transformers 5.23.0 with
//   ROPE_INIT_FUNCTIONS[rope_type](DecoderConfig(hidden_size=2*d, num_attention_heads=2,
//   head_dim=d,
//       max_position_embeddings=n, rope_parameters={...}), seq_len=...)
// and, for the default, LlamaRotaryEmbedding.compute_default_rope_parameters(config).
const std::vector<float> kPlain = {1.0F,           0.215443447F,   0.046415884F,
                                   0.00999999978F, 0.00215443433F, 0.000464158948F};

TEST(RopeTest, DefaultHasTheConstantsOfTransformers) {
  expect_near(frequencies(with_rope({}, 12, 256), 10), kPlain, 1.0F);
}

TEST(RopeTest, LinearDividesByTheFactor) {
  expect_near(frequencies(with_rope({.type = "linear", .factor = 3.0}, 12, 256), 10),
              {0.333333343F, 0.0718144849F, 0.0154719613F, 0.00333333318F, 0.000718144758F,
               0.000154719644F},
              1.0F);
}

TEST(RopeTest, DynamicFollowsTheLength) {
  const DecoderConfig config = with_rope({.type = "dynamic", .factor = 2.0}, 12, 32);
  for (const int64_t length : {0, 1, 20, 32}) {
    expect_near(rope_frequencies(config, config.rope, length), kPlain, 1.0F);
  }
  expect_near(rope_frequencies(config, config.rope, 48),
              {1.0F, 0.187554419F, 0.0351766609F, 0.00659753941F, 0.00123739755F, 0.000232079474F},
              1.0F);
}

TEST(RopeTest, Llama3KeepsMixesAndSlows) {
  const RopeConfig rope = {.type = "llama3",
                           .theta = 500000.0,
                           .factor = 8.0,
                           .low_freq_factor = 1.0,
                           .high_freq_factor = 4.0,
                           .original_max_position = 8192};
  expect_near(frequencies(with_rope(rope, 16, 131072), 10),
              {1.0F, 0.193922758F, 0.0376060307F, 0.00729266508F, 0.000524846022F, 3.42810235e-05F,
               6.64786967e-06F, 1.28917316e-06F},
              1.0F);
}

TEST(RopeTest, YarnDerivesItsAttentionFactor) {
  const RopeConfig rope = {.type = "yarn", .factor = 4.0, .original_max_position = 64};
  expect_near(frequencies(with_rope(rope, 16, 256), 10),
              {1.0F, 0.237170815F, 0.049999997F, 0.00790569466F, 0.00249999994F, 0.000790569466F,
               0.000250000012F, 7.90569466e-05F},
              1.13862944F);
}

TEST(RopeTest, YarnTakesFractionalBoundsAndMscale) {
  const RopeConfig rope = {.type = "yarn",
                           .factor = 4.0,
                           .original_max_position = 64,
                           .beta_fast = 16.0,
                           .beta_slow = 2.0,
                           .mscale = 0.707,
                           .mscale_all_dim = 1.0,
                           .truncate = false};
  expect_near(frequencies(with_rope(rope, 16, 256), 10),
              {1.0F, 0.14849025F, 0.0250000004F, 0.00790569466F, 0.00249999994F, 0.000790569466F,
               0.000250000012F, 7.90569466e-05F},
              0.964326915F);
}

TEST(RopeTest, YarnTakesAGivenAttentionFactor) {
  const RopeConfig rope = {.type = "yarn",
                           .theta = 1000000.0,
                           .factor = 16.0,
                           .original_max_position = 2048,
                           .attention_factor = 1.25};
  expect_near(frequencies(with_rope(rope, 16, 32768), 10),
              {1.0F, 0.177827939F, 0.0217406601F, 0.00210877974F, 6.2500003e-05F, 1.11142463e-05F,
               1.97642339e-06F, 3.51463342e-07F},
              1.25F);
}

TEST(RopeTest, UnknownTypeIsABug) {
  const DecoderConfig config = with_rope({.type = "longrope"}, 16, 64);
  EXPECT_THROW(static_cast<void>(rope_frequencies(config, config.rope, 1)), std::logic_error);
}

}  // namespace
}  // namespace relata::model
