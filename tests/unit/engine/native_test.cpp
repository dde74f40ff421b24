// The native engine against plain forward passes of the same model: what requests share must not
// show in their results.
#include "relata/engine/native.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <thread>

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

void add_random_adapter(model::Decoder& model, const std::string& name, uint64_t seed,
                        const Ids& invocation) {
  model::LoraConfig config;
  config.rank = 2;
  config.targets = {"all-linear"};
  config.invocation = invocation;
  const int index = model.add_adapter(name, config, seed).value();
  at::NoGradGuard no_grad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto parameters = model.trainable();
  const std::string prefix = index == 0 ? "model." : name + ":";
  for (auto parameter : parameters) {
    if (parameter.name.starts_with(prefix)) parameter.value.normal_(0.0, 0.3, generator);
  }
  model.weights_changed();
}

// Requests of one batch that differ in their adapters, some of them on the same prompt.
TEST_P(NativeEngine, AnswersCallsOfSeveralThreadsTogether) {
  std::vector<std::vector<GenerateRequest>> calls(3);
  for (size_t c = 0; c < calls.size(); ++c) {
    for (const Ids& prompt : prompts()) {
      GenerateRequest& request = calls[c].emplace_back();
      request.prompt = prompt;
      request.prompt.push_back(static_cast<int32_t>(3 + c));
      request.max_new_tokens = 4;
    }
  }
  const ScoreRequest score{prompts()[0], {{7}, {8, 9}}, ""};
  std::vector<std::vector<GenerateResult>> alone;
  for (const auto& call : calls) alone.push_back(engine(60)->generate(call).value());
  const auto scored_alone = engine(60)->score({score}).value();
  const auto shared = engine(60);
  std::vector<std::vector<GenerateResult>> together(calls.size());
  std::vector<int64_t> done(calls.size());
  ScoreResult scored;
  {
    std::vector<std::jthread> threads;
    for (size_t c = 0; c < calls.size(); ++c) {
      threads.emplace_back([&, c] {
        together[c] = shared->generate(calls[c], [&, c](int64_t n) { done[c] = n; }).value();
      });
    }
    threads.emplace_back([&] { scored = shared->score({score}).value()[0]; });
  }
  for (size_t c = 0; c < calls.size(); ++c) {
    EXPECT_EQ(done[c], std::ssize(calls[c]));
    ASSERT_EQ(together[c].size(), alone[c].size());
    for (size_t r = 0; r < alone[c].size(); ++r) EXPECT_EQ(together[c][r].ids, alone[c][r].ids);
  }
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(scored.total(i), scored_alone[0].total(i), kTolerance);
  }
  // Everything was asked, and what begins alike was computed once.
  const generate::EngineUsage usage = shared->usage();
  int64_t tokens = std::ssize(score.prefix) + 1;  // and one of a continuation
  for (const auto& call : calls) {
    for (const GenerateRequest& request : call) tokens += std::ssize(request.prompt);
  }
  EXPECT_EQ(usage.prompt_tokens, tokens);
  EXPECT_EQ(usage.requests, std::ssize(calls) * std::ssize(calls[0]) + 1);
  EXPECT_GT(usage.shared_tokens, tokens / 3);
  EXPECT_LT(usage.shared_tokens, tokens);
}

TEST_P(NativeEngine, RefusesABadCallAndAnswersTheNext) {
  const auto one = engine(60);
  GenerateRequest request;
  request.max_new_tokens = 2;
  request.prompt = {1000};  // outside the vocabulary
  EXPECT_FALSE(one->generate({request}).ok());
  request.prompt = {5};
  EXPECT_EQ(one->generate({request}).value().size(), 1U);
}

TEST_P(NativeEngine, NamesTheWeightThatIsNotFinite) {
  constexpr const char* kDown = "model.layers.0.mlp.down_proj.weight";
  {
    at::NoGradGuard no_grad;
    for (auto& [name, value] : model_->named_weights()) {
      if (name == kDown) value[1][2] = std::numeric_limits<float>::quiet_NaN();
    }
    model_->weights_changed();
  }
  GenerateRequest request;
  request.prompt = {4, 5, 6};
  request.max_new_tokens = 4;
  const auto generated = engine(64)->generate({request, request}, {});
  ASSERT_FALSE(generated.ok());
  EXPECT_NE(generated.error().message.find(kDown), std::string::npos);
  const auto scored = engine(64)->score({{{4, 5, 6}, {{7}, {8, 9}}, ""}}, {});
  ASSERT_FALSE(scored.ok());
  EXPECT_NE(scored.error().message.find(kDown), std::string::npos);
}

TEST_P(NativeEngine, AdaptersAreChosenRequestByRequest) {
  const Ids invocation = {7, 8};
  add_random_adapter(*model_, "one", 5, {});
  add_random_adapter(*model_, "two", 6, {});
  add_random_adapter(*model_, "late", 7, invocation);
  const std::vector<std::string> names = {"one", "two", "late"};
  std::vector<GenerateRequest> generate;
  std::vector<ScoreRequest> score;
  for (const Ids& prompt : prompts()) {
    for (const std::string& name : names) {
      GenerateRequest& request = generate.emplace_back();
      request.prompt = joined(prompt, joined(invocation, {9, 10}));
      request.max_new_tokens = 4;
      request.adapter = name;
      score.push_back({request.prompt, {{11, 12}, {11, 13, 14}}, name});
    }
  }
  const auto answers = engine(60)->generate(generate).value();
  const auto scores = engine(60)->score(score).value();
  for (size_t i = 0; i < generate.size(); ++i) {
    const auto alone = engine(4096)->generate({generate[i]}).value();
    EXPECT_EQ(answers[i].ids, alone[0].ids) << i;
    for (size_t t = 0; t < answers[i].ids.size(); ++t) {
      EXPECT_NEAR(answers[i].logprobs[t], alone[0].logprobs[t], kTolerance);
    }
    const auto score_alone = engine(4096)->score({score[i]}).value();
    for (size_t c = 0; c < 2; ++c) {
      for (size_t t = 0; t < scores[i].token_logprobs[c].size(); ++t) {
        EXPECT_NEAR(scores[i].token_logprobs[c][t], score_alone[0].token_logprobs[c][t],
                    kTolerance);
      }
    }
  }
  // They are different models.
  for (size_t a = 0; a < names.size(); ++a) {
    for (size_t b = a + 1; b < names.size(); ++b) {
      EXPECT_GT(std::abs(scores[a].token_logprobs[0][0] - scores[b].token_logprobs[0][0]), 1e-2)
          << names[a] << " " << names[b];
    }
  }
  GenerateRequest wrong = generate[0];
  wrong.adapter = "three";
  const auto refused = engine(60)->generate({wrong});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("three"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("one two late"), std::string::npos);
}

// One token or the end, again and again.
class OneOrEnd : public generate::Constraint {
 public:
  std::unique_ptr<generate::ConstraintWalk> start() const override {
    class Walk : public generate::ConstraintWalk {
      const Ids& allowed() override { return allowed_; }
      void accept(int32_t) override {}
      Ids allowed_ = {2, 7};
    };
    return std::make_unique<Walk>();
  }
};

TEST_P(NativeEngine, EndsOnlyWhereGoingOnIsImprobable) {
  int went_on = 0;
  for (const Ids& prompt : prompts()) {
    GenerateRequest request;
    request.prompt = prompt;
    request.max_new_tokens = 1;
    request.constraint = std::make_shared<OneOrEnd>();
    const double end = logprob(prompt, 2);
    const double token = logprob(prompt, 7);
    const double going_on = 1.0 / (1.0 + std::exp(end - token));
    for (const double least : {0.0, 0.05, 0.2, 0.4, 1.0}) {
      request.continue_above = least;
      const GenerateResult result = engine(4096)->generate({request}).value()[0];
      if (going_on < 0.5 && going_on <= least) {
        EXPECT_EQ(result.finish, "eos") << going_on << " " << least;
        EXPECT_NEAR(result.end_logprob, std::log(1 - going_on), kTolerance);
      } else if (going_on > 0.5 || least < 1) {
        ASSERT_EQ(result.ids, Ids{7}) << going_on << " " << least;
        EXPECT_NEAR(result.logprobs[0], std::log(going_on), kTolerance);
        if (going_on < 0.5) ++went_on;
      }
    }
  }
  EXPECT_GT(went_on, 0);
}

INSTANTIATE_TEST_SUITE_P(KeyValueHeads, NativeEngine, testing::Values(1, 2, 4));

}  // namespace
}  // namespace relata::engine
