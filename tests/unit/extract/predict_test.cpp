#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "fake_engine.h"
#include "relata/extract/pair.h"
#include "relata/text/chat.h"

namespace relata::extract {
namespace {

using data::Document;
using data::PairQuery;
using Strings = std::vector<std::string>;

PairQuery query(int document, int head, int tail) { return {document, head, tail, {}}; }

class Predict : public testing::Test {
 protected:
  Predict() {
    extractor_.schema = company_schema();
    extractor_.pair_template = builtin_pair_template("sentence-first-zh").value();
    documents_ = {make_document("a", "甲拥有乙。", {"甲", "乙"}),
                  make_document("b", "丙和丁。", {"丙", "丁"})};
    queries_ = {query(0, 0, 1), query(0, 1, 0), query(1, 0, 1)};
    engine_.score_of = [](const std::string& prompt, const std::string& answer) {
      if (prompt.find("头实体：甲") != std::string::npos && answer == "拥有") return -0.1;
      if (prompt.find("头实体：乙") != std::string::npos && answer == "被拥有") return -0.2;
      return answer == "无关系" ? -1.0 : -4.0;
    };
  }
  Result<std::vector<PairPrediction>> predict() {
    return predict_pairs(extractor_, engine_, documents_, queries_, options_);
  }
  Extractor extractor_;
  FakeEngine engine_;
  std::vector<Document> documents_;
  std::vector<PairQuery> queries_;
  PairOptions options_;
};

TEST_F(Predict, ScoresAllLabels) {
  const auto out = predict().value();
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].labels, Strings{"拥有"});
  EXPECT_EQ(out[1].labels, Strings{"被拥有"});
  EXPECT_EQ(out[2].labels, Strings{"unknown"});
  const double sum = std::exp(-1.0) + std::exp(-0.1) + 2 * std::exp(-4.0);
  EXPECT_NEAR(out[0].posterior[1], std::exp(-0.1) / sum, 1e-12);
  EXPECT_NEAR(out[0].posterior[0], std::exp(-1.0) / sum, 1e-12);
  EXPECT_NEAR(std::accumulate(out[2].posterior.begin(), out[2].posterior.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(out[0].scores[0], out[0].posterior[1]);
}

TEST_F(Predict, BatchesDoNotChangeResults) {
  const auto all = predict().value();
  options_.batch = 1;
  std::vector<int64_t> done;
  options_.progress = [&](int64_t n) { done.push_back(n); };
  const auto one = predict().value();
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].posterior, one[i].posterior);
  EXPECT_EQ(done.back(), 3);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST_F(Predict, AnswersOfTheQueriesOwnPair) {
  extractor_.pair_template = builtin_pair_template("cre-llm-zh").value();
  engine_.score_of = [](const std::string& prompt, const std::string& answer) {
    // The triple asked for ends the prompt; the answer must be about the same pair.
    const std::string asked = prompt.substr(prompt.rfind("(["));
    const size_t end = asked.find("],?,[");
    EXPECT_TRUE(answer.starts_with(asked.substr(0, end))) << asked << " " << answer;
    return answer.find("crosses") != std::string::npos ? -0.1 : -3.0;
  };
  const auto out = predict().value();
  for (const auto& prediction : out) EXPECT_EQ(prediction.labels, Strings{"P177"});
}

TEST_F(Predict, NegativeBiasMovesTheDecision) {
  extractor_.config.negative_bias = 2.0;
  EXPECT_EQ(predict().value()[0].labels, Strings{"unknown"});
  extractor_.config.negative_bias = -6.0;
  EXPECT_NE(predict().value()[2].labels, Strings{"unknown"});
}

TEST_F(Predict, MinScoreDropsRelations) {
  options_.min_score = 0.99;
  const auto out = predict().value();
  EXPECT_EQ(out[0].labels, Strings{"unknown"});
  EXPECT_EQ(out[0].scores[0], out[0].posterior[0]);
}

TEST_F(Predict, LabelsWrittenAlikeAreAnError) {
  extractor_.schema.relation_types[3].name = "拥有";
  const auto out = predict();
  ASSERT_FALSE(out.ok());
  EXPECT_NE(out.error().message.find("P177"), std::string::npos);
}

// A text whose middle has the pair, and one whose pair is apart as far as it can be.
class LongDocuments : public Predict {
 protected:
  LongDocuments() {
    std::string around;
    for (int i = 0; i < 40; ++i) around += "第" + std::to_string(i) + "天没有新闻。";
    documents_ = {make_document("near", around + "甲拥有乙。" + around, {"甲", "乙"}),
                  make_document("far", "甲来了。" + around + "乙走了。", {"甲", "乙"}),
                  make_document("short", "甲拥有乙。", {"甲", "乙"})};
    documents_.push_back(make_document("unmentioned", around, {"第7天", "丙"}));
    queries_ = {query(0, 0, 1), query(0, 1, 0), query(1, 0, 1), query(2, 0, 1), query(3, 0, 1)};
    engine_.most_tokens = 600;  // bytes here
  }
};

TEST_F(LongDocuments, AreAskedAboutAroundThePair) {
  const auto out = predict().value();
  ASSERT_EQ(out.size(), 5u);
  EXPECT_EQ(out[0].labels, Strings{"拥有"});
  EXPECT_EQ(out[1].labels, Strings{"被拥有"});
  EXPECT_EQ(out[3].labels, Strings{"拥有"});
  for (const size_t shortened : {0, 1, 4}) EXPECT_TRUE(out[shortened].shortened) << shortened;
  EXPECT_FALSE(out[3].shortened);
  ASSERT_EQ(engine_.asked.size(), 4u);
  for (const size_t asked : {0, 1}) {
    const std::string& prompt = engine_.asked[asked];
    EXPECT_LE(prompt.size() + 1 + std::string("被拥有").size(), 600u);
    // Whole sentences, as many before as behind: the 39th day is the last before the pair, day 0
    // the first behind it.
    EXPECT_NE(prompt.find("第39天没有新闻。甲拥有乙。第0天没有新闻。"), std::string::npos)
        << prompt;
    EXPECT_EQ(prompt.find("第20天"), std::string::npos);
    EXPECT_GT(prompt.size(), 500u);  // there is no room for a sentence more on either side
  }
  EXPECT_NE(engine_.asked[3].find("第7天没有新闻。"), std::string::npos);
}

TEST_F(LongDocuments, PairsTooFarApartHaveAProblemInsteadOfLabels) {
  const auto out = predict().value();
  EXPECT_TRUE(out[2].labels.empty());
  EXPECT_FALSE(out[2].shortened);
  EXPECT_TRUE(out[2].problem.starts_with("too long: ")) << out[2].problem;
  EXPECT_TRUE(out[2].problem.ends_with("the model takes 600")) << out[2].problem;
  queries_ = {query(1, 0, 1)};
  EXPECT_EQ(predict().value()[0].problem, out[2].problem);
}

TEST_F(LongDocuments, SentencesThatAreTooLongAreCut) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word" + std::to_string(i) + " ";
  documents_ = {make_document("one", words + "甲 owns 乙 " + words, {"甲", "乙"})};
  queries_ = {query(0, 0, 1)};
  const auto out = predict().value();
  EXPECT_TRUE(out[0].shortened);
  const std::string& prompt = engine_.asked.at(0);
  EXPECT_LE(prompt.size() + 10, 600u);
  EXPECT_GT(prompt.size(), 500u);
  EXPECT_NE(prompt.find("word199 甲 owns 乙 word0 "), std::string::npos) << prompt;
}

TEST_F(LongDocuments, FreeDecodingLeavesRoomForTheAnswer) {
  options_.decode = "free";
  extractor_.config.max_new_tokens = 100;
  engine_.text_of = [](const std::string&) { return "拥有"; };
  const auto out = predict().value();
  ASSERT_EQ(engine_.generated.size(), 4u);
  for (const auto& request : engine_.generated) {
    EXPECT_LE(request.prompt.size() + 100 - 1, 600u);
  }
  EXPECT_EQ(out[0].labels, Strings{"拥有"});
  EXPECT_FALSE(out[2].problem.empty());
}

TEST_F(LongDocuments, AreNotCutWhereTheLimitIsNotKnown) {
  engine_.most_tokens = 0;
  for (const PairPrediction& prediction : predict().value()) {
    EXPECT_FALSE(prediction.shortened);
    EXPECT_TRUE(prediction.problem.empty());
  }
  EXPECT_NE(engine_.asked.at(0).find(documents_[0].text), std::string::npos);
}

TEST_F(LongDocuments, AreCountedInTheResult) {
  const auto out = extract_documents(extractor_, engine_, documents_, {}, "").value();
  EXPECT_EQ(out[0].meta["shortened"], 2);
  EXPECT_EQ(out[0].text, documents_[0].text);
  EXPECT_FALSE(out[2].meta.contains("shortened"));
  const auto unanswered = unparsed_answers(out[1]);
  ASSERT_EQ(unanswered.size(), 2u);
  EXPECT_EQ(unanswered[0].document, "far");
  EXPECT_TRUE(unanswered[0].problem.starts_with("too long"));
}

TEST_F(Predict, WrongOptionsAreErrors) {
  options_.decode = "beam";
  EXPECT_FALSE(predict().ok());
  options_.decode = "";
  extractor_.schema.relation_types.clear();
  EXPECT_FALSE(predict().ok());
}

TEST_F(Predict, UnusableScoresAreErrors) {
  engine_.score_of = [](const std::string&, const std::string&) { return std::nan(""); };
  EXPECT_FALSE(predict().ok());
  engine_.score_of = [](const std::string&, const std::string&) { return -INFINITY; };
  EXPECT_FALSE(predict().ok());
  engine_.score_of = [](const std::string&, const std::string& answer) {
    return answer == "拥有" ? -1.0 : -INFINITY;
  };
  EXPECT_EQ(predict().value()[0].posterior[1], 1.0);
}

TEST_F(Predict, PromptAndAnswerAreTokenisedApart) {
  extractor_.config.chat = "mistral";
  const auto prompt =
      encode_prompt(extractor_, *engine_.bytes, documents_[0], query(0, 0, 1)).value();
  const auto chat = text::chat_template("mistral").value();
  const auto rendered =
      render_prompt(extractor_.pair_template, extractor_.schema, {&documents_[0], 0, 1}).value();
  EXPECT_EQ(prompt.ids, engine_.bytes->encode_ids(text::wrap_chat(chat, rendered.text), true));
  EXPECT_EQ(prompt.ids.front(), 1);
  engine_.bytes->adds_eos = true;
  EXPECT_EQ(encode_prompt(extractor_, *engine_.bytes, documents_[0], query(0, 0, 1))->ids,
            prompt.ids);
  const auto answer = encode_answer(extractor_, *engine_.bytes, documents_[0], 0, 1, {"拥有"}, 2);
  EXPECT_EQ(engine_.bytes->decode(answer, true), "拥有");
  EXPECT_EQ(answer.back(), 2);
  EXPECT_EQ(encode_answer(extractor_, *engine_.bytes, documents_[0], 0, 1, {"拥有"}, -1).size(),
            answer.size() - 1);
}

TEST_F(Predict, FreeDecodingParsesTheText) {
  options_.decode = "free";
  extractor_.config.max_new_tokens = 7;
  engine_.text_of = [](const std::string& prompt) -> std::string {
    if (prompt.find("头实体：甲") != std::string::npos) return " 拥有、crosses";
    if (prompt.find("头实体：乙") != std::string::npos) return "被拥有。";
    return "";
  };
  const auto out = predict().value();
  EXPECT_EQ(out[0].labels, (Strings{"拥有", "P177"}));
  EXPECT_EQ(out[0].problem, "");
  EXPECT_NEAR(out[0].scores[1], std::exp(-0.5), 1e-12);
  EXPECT_EQ(out[0].raw, " 拥有、crosses");
  EXPECT_TRUE(out[0].posterior.empty());
  EXPECT_EQ(out[1].labels, Strings{"unknown"});
  EXPECT_NE(out[1].problem, "");
  EXPECT_EQ(out[2].labels, Strings{"unknown"});
  ASSERT_EQ(engine_.generated.size(), 3u);
  EXPECT_EQ(engine_.generated[0].max_new_tokens, 7);
  EXPECT_EQ(engine_.generated[0].temperature, 0.0);
}

TEST_F(Predict, WhatDoesNotParseHasNoProbability) {
  options_.decode = "free";
  engine_.text_of = [](const std::string&) { return "somewhere else"; };
  const auto out = predict().value();
  EXPECT_EQ(out[0].labels, Strings{"unknown"});
  EXPECT_TRUE(out[0].scores.empty());
  EXPECT_EQ(out[0].raw, "somewhere else");
}

TEST_F(Predict, EnginesMayTakeTextAndGiveNoProbabilities) {
  options_.decode = "free";
  options_.min_score = 0.9;
  extractor_.config.chat = "mistral";
  engine_.silent = true;
  engine_.text_of = [](const std::string&) { return "拥有"; };
  for (const auto form : {generate::PromptForm::kText, generate::PromptForm::kUserTurn}) {
    engine_.form = form;
    engine_.generated.clear();
    const auto out = predict().value();
    EXPECT_EQ(out[0].labels, Strings{"拥有"});
    EXPECT_TRUE(out[0].scores.empty());
    EXPECT_TRUE(engine_.generated[0].prompt.empty());
    const auto wanted = form == generate::PromptForm::kText
                            ? wrapped_prompt(extractor_, {&documents_[0], 0, 1})
                            : user_turn(extractor_, {&documents_[0], 0, 1});
    EXPECT_EQ(engine_.generated[0].text, wanted.value());
  }
  EXPECT_EQ(engine_.generated[0].text.find("[INST]"), std::string::npos);
}

TEST_F(Predict, LeftOutRelationsAreReadAndDropped) {
  options_.decode = "free";
  data::Schema fewer;
  fewer.relation_types = {extractor_.schema.relation_types[0], extractor_.schema.relation_types[1]};
  fewer.relation_types[1].id = "owns";
  ASSERT_TRUE(replace_schema(extractor_, fewer, "free").ok());
  engine_.text_of = [](const std::string& prompt) -> std::string {
    return prompt.find("头实体：甲") != std::string::npos ? "拥有、crosses" : "crosses";
  };
  const auto out = predict().value();
  EXPECT_EQ(out[0].labels, Strings{"owns"});
  EXPECT_EQ(out[0].problem, "");
  EXPECT_EQ(out[1].labels, Strings{"unknown"});
  EXPECT_EQ(out[1].problem, "");
}

TEST(ScoreResult, TotalIsTheSum) {
  generate::ScoreResult result;
  result.token_logprobs = {{-1.0, -0.5}, {}};
  EXPECT_EQ(result.total(0), -1.5);
  EXPECT_EQ(result.total(1), 0.0);
  EXPECT_THROW((void)result.total(2), std::out_of_range);
}

}  // namespace
}  // namespace relata::extract
