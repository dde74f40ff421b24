// The native engine against plain forward passes of the same model: what requests share must not
// show in their results.
#include "relata/engine/native.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <random>

#include "relata/model/decoder.h"

namespace relata::engine {
namespace {

using generate::Engine;
using generate::EngineProgress;
using generate::GenerateRequest;
using generate::GenerateResult;
using generate::ScoreRequest;
using generate::ScoreResult;

using Ids = std::vector<int32_t>;

// Rounding in another blocking of the matrix products; float32.
constexpr double kTolerance = 1e-4;

model::DecoderConfig tiny(int64_t key_value_heads) {
  model::DecoderConfig c;
  c.vocab_size = 61;
  c.hidden_size = 32;
  c.intermediate_size = 48;
  c.num_layers = 2;
  c.num_heads = 4;
  c.num_kv_heads = key_value_heads;
  c.head_dim = 8;
  c.max_positions = 128;
  c.initializer_range = 0.3;
  c.eos_ids = {2};
  return c;
}

Ids random_ids(std::mt19937& random, size_t count) {
  Ids ids(count);
  for (int32_t& id : ids) id = 3 + static_cast<int32_t>(random() % 58);
  return ids;
}

Ids joined(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Prompts that share nothing, a little, a sentence, a sentence and more, or all.
std::vector<Ids> prompts() {
  std::mt19937 random(5);
  const Ids sentence = random_ids(random, 20);
  const Ids other = random_ids(random, 18);
  const Ids longer = joined(sentence, random_ids(random, 6));
  return {joined(sentence, random_ids(random, 5)),
          joined(other, random_ids(random, 3)),
          joined(longer, random_ids(random, 2)),
          longer,
          joined(sentence, random_ids(random, 9)),
          random_ids(random, 7),
          longer,
          joined(Ids(sentence.begin(), sentence.begin() + 2), random_ids(random, 4)),
          joined(other, random_ids(random, 8))};
}

class NativeEngine : public testing::TestWithParam<int> {
 protected:
  std::unique_ptr<Engine> engine(int max_batch_tokens) const {
    NativeEngineOptions options;
    options.max_batch_tokens = max_batch_tokens;
    options.max_batch_requests = 4;
    return make_engine(model_, nullptr, options, "test");
  }
  // log P(token | before), by a plain pass over one sequence.
  double logprob(const Ids& before, int32_t token) const {
    at::NoGradGuard no_grad;
    const at::Tensor hidden = model_->forward(model::Pass::of({before}));
    return model_->logits(hidden).log_softmax(-1)[-1][token].item<double>();
  }
  std::shared_ptr<model::Decoder> model_ = model::Decoder::random(tiny(GetParam()), 11);
};

TEST_P(NativeEngine, ScoresAreThoseOfPlainPasses) {
  std::vector<ScoreRequest> requests;
  for (const Ids& prompt : prompts()) {
    requests.push_back({prompt, {{7}, {8, 9}, {8, 9, 10, 11, 12, 13}, {8, 9, 10, 11, 12, 14}}, ""});
  }
  requests[2].continuations.clear();
  for (const int max_tokens : {1, 60, 4096}) {
    std::vector<int64_t> done;
    const auto results =
        engine(max_tokens)->score(requests, [&](int64_t n) { done.push_back(n); }).value();
    EXPECT_EQ(done.back(), std::ssize(requests));
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    ASSERT_EQ(results.size(), requests.size());
    for (size_t r = 0; r < requests.size(); ++r) {
      ASSERT_EQ(results[r].token_logprobs.size(), requests[r].continuations.size());
      for (size_t c = 0; c < requests[r].continuations.size(); ++c) {
        Ids before = requests[r].prefix;
        for (size_t i = 0; i < requests[r].continuations[c].size(); ++i) {
          const int32_t token = requests[r].continuations[c][i];
          EXPECT_NEAR(results[r].token_logprobs[c][i], logprob(before, token), kTolerance);
          before.push_back(token);
        }
      }
    }
  }
}

TEST_P(NativeEngine, GenerationIsThatOfRequestsAlone) {
  std::vector<GenerateRequest> requests;
  for (const Ids& prompt : prompts()) {
    GenerateRequest& request = requests.emplace_back();
    request.prompt = prompt;
    request.max_new_tokens = 3 + static_cast<int>(requests.size()) % 4;
    request.temperature = requests.size() % 3 == 0 ? 0.8 : 0.0;
    request.seed = requests.size();
  }
  requests[4].max_new_tokens = 0;
  for (const int max_tokens : {1, 60, 4096}) {
    const auto together = engine(max_tokens)->generate(requests).value();
    ASSERT_EQ(together.size(), requests.size());
    for (size_t r = 0; r < requests.size(); ++r) {
      const auto alone = engine(4096)->generate({requests[r]}).value();
      EXPECT_EQ(together[r].ids, alone[0].ids) << r;
      EXPECT_EQ(together[r].finish, alone[0].finish);
      Ids before = requests[r].prompt;
      for (size_t i = 0; i < together[r].ids.size(); ++i) {
        const int32_t token = together[r].ids[i];
        EXPECT_NEAR(together[r].logprobs[i], logprob(before, token), kTolerance) << r << " " << i;
        before.push_back(token);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(KeyValueHeads, NativeEngine, testing::Values(1, 2, 4));

}  // namespace
}  // namespace relata::engine
