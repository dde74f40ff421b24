// Stage score, with an engine that remembers what it is asked.
#include <gtest/gtest.h>

#include <filesystem>

#include "relata/retrieve/retriever.h"
#include "relata/text/tokenizer.h"

namespace relata::retrieve {
namespace {

using generate::ScoreRequest;
using Ids = std::vector<int32_t>;

class RememberingEngine : public generate::Engine {
 public:
  RememberingEngine(std::shared_ptr<const text::Tokenizer> tokenizer,
                    std::vector<ScoreRequest>& asked)
      : tokenizer_(std::move(tokenizer)), asked_(asked) {}
  Result<std::vector<generate::GenerateResult>> generate(
      const std::vector<generate::GenerateRequest>&, const generate::EngineProgress&) override {
    return internal_error("only scores");
  }
  Result<std::vector<generate::ScoreResult>> score(const std::vector<ScoreRequest>& requests,
                                                   const generate::EngineProgress&) override {
    std::vector<generate::ScoreResult> out;
    for (const ScoreRequest& request : requests) {
      asked_.push_back(request);
      out.push_back({{std::vector<double>(request.continuations.at(0).size(), -0.5)}});
    }
    return out;
  }
  const text::Tokenizer* tokenizer() const override { return tokenizer_.get(); }
  std::string model_id() const override { return "sha256:remembering"; }

 private:
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::vector<ScoreRequest>& asked_;
};

PoolItem item(const std::string& text, const std::string& answer) {
  PoolItem out;
  out.dataset = "one";
  out.task = IeTask::kNer;
  out.instance.text = text;
  out.instance.question =
      "Task: Named entity recognition\nSchema: [person, place]\nInput: \"" + text + "\"\nOutput:";
  out.instance.answer = answer;
  return out;
}

class ScoringTest : public testing::Test {
 protected:
  ScoringTest() {
    recipe_.output_dir = testing::TempDir() + "/scoring";
    std::filesystem::remove_all(recipe_.output_dir);
    recipe_.instruction = "Extract.";
    recipe_.tags_in_scoring = false;
    pool_.items = {item("Ada saw Paris.", "person: Ada; place: Paris"),
                   item("Nobody came.", "None"), item("Bo (28) left.", "person: Bo")};
    pool_.key = "key";
    candidates_ = {{{0, {1, 2}}, {1, {2}}}, "key"};
  }
  ScoreSet score(const std::shared_ptr<const text::Tokenizer>& tokenizer) {
    Scorer scorer;
    scorer.id = "sha256:remembering";
    scorer.open = [&]() -> Result<std::unique_ptr<generate::Engine>> {
      return std::unique_ptr<generate::Engine>(
          std::make_unique<RememberingEngine>(tokenizer, asked_));
    };
    return score_candidates(recipe_, pool_, candidates_, scorer).value();
  }
  std::string prompt(size_t document, size_t query) const {
    return "Extract.\n\n" + pool_.items[document].instance.block() + "\n\n" +
           pool_.items[query].instance.question;
  }
  // What is asked of the pairs (1, 0), (2, 0), (2, 1) is one text each, cut where the answer
  // begins.
  void expect_joint_ids(const text::Tokenizer& tokenizer) const {
    ASSERT_EQ(asked_.size(), 3U);
    const std::pair<size_t, size_t> pairs[] = {{1, 0}, {2, 0}, {2, 1}};
    for (size_t i = 0; i < asked_.size(); ++i) {
      const auto [document, query] = pairs[i];
      const std::string before = prompt(document, query);
      const std::string answer = " " + pool_.items[query].instance.answer;
      Ids all = asked_[i].prefix;
      ASSERT_EQ(asked_[i].continuations.size(), 1U);
      const Ids& end = asked_[i].continuations[0];
      all.insert(all.end(), end.begin(), end.end());
      EXPECT_EQ(all, tokenizer.encode_ids(before + answer, true)) << before;
      EXPECT_EQ(tokenizer.decode(asked_[i].prefix, true), before);
      EXPECT_EQ(all.size(), asked_[i].prefix.size() + end.size());
    }
  }

  RetrieverRecipe recipe_;
  RetrieverPool pool_;
  CandidateLists candidates_;
  std::vector<ScoreRequest> asked_;
};

std::shared_ptr<const text::Tokenizer> load(const std::string& file, const std::string& as) {
  const std::string folder = testing::TempDir() + "/scoring_tokenizer";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(file, folder + "/" + as);
  return text::load_tokenizer(folder).value();
}

// It puts a space before a text, as those of Llama-2 and Mistral do.
TEST_F(ScoringTest, AsksWithTheTokensOfOneText) {
  const auto tokenizer =
      load(std::string(RELATA_TEST_FILES) + "/text/bpe_fallback.json", "tokenizer.json");
  // Apart, the question would have another token.
  const std::string begin = "Extract.\n\n", question = pool_.items[0].instance.question;
  ASSERT_NE(
      tokenizer->encode_ids(begin + question, false).size(),
      tokenizer->encode_ids(begin, false).size() + tokenizer->encode_ids(question, false).size());
  const ScoreSet scores = score(tokenizer);
  expect_joint_ids(*tokenizer);
  ASSERT_EQ(scores.pairs.size(), 3U);
  for (const ScoredPair& pair : scores.pairs) EXPECT_DOUBLE_EQ(pair.score, -0.5);
}

TEST_F(ScoringTest, AsksWithTheTokensOfOneTextAsMistralHasThem) {
  const std::string file = RELATA_SHARED "/data/tokenizers/mistral_v1/tokenizer.model";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "../shared is not there";
  const auto tokenizer = load(file, "tokenizer.model");
  score(tokenizer);
  expect_joint_ids(*tokenizer);
  EXPECT_EQ(tokenizer->id_to_token(asked_[0].continuations[0][0]), "▁person");
  EXPECT_EQ(tokenizer->id_to_token(asked_[0].prefix.back()), ":");
}

TEST_F(ScoringTest, CountsWhatPairsOfACandidateShare) {
  const auto tokenizer =
      load(std::string(RELATA_TEST_FILES) + "/text/bpe_fallback.json", "tokenizer.json");
  const ScoreForecast forecast = score(tokenizer).forecast;
  int64_t tokens = 0;
  for (const ScoreRequest& request : asked_) {
    tokens += std::ssize(request.prefix) + std::ssize(request.continuations[0]);
  }
  EXPECT_EQ(forecast.tokens, tokens);
  // The candidate with the instruction, and what questions begin with.
  const std::string common = prompt(2, 0).substr(0, prompt(2, 0).find("Ada saw"));
  const Ids shared = tokenizer->encode_ids(common, true);
  EXPECT_NEAR(static_cast<double>(forecast.shared), static_cast<double>(shared.size()), 1.0);
}

}  // namespace
}  // namespace relata::retrieve
