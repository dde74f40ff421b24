#include "relata/eval/labels.h"

#include <gtest/gtest.h>

#include "relata/base/file.h"
#include "relata/eval/metric.h"
#include "relata/eval/semeval.h"

namespace relata::eval {
namespace {

using Labels = std::vector<std::string>;

std::string sample(const std::string& name) {
  const auto content = read_file(std::string(RELATA_TEST_FILES) + "/eval/" + name);
  EXPECT_TRUE(content.ok()) << name;
  return content.ok() ? *content : "";
}

std::vector<PairItem> keyed_items(const std::string& key, const std::string& answers) {
  const auto gold = parse_keyed_labels(sample(key), key);
  const auto predicted = parse_keyed_labels(sample(answers), answers);
  EXPECT_TRUE(gold.ok() && predicted.ok());
  std::vector<PairItem> items;
  for (const KeyedLabels& entry : *gold) {
    items.emplace_back();
    items.back().id = entry.id;
    items.back().gold = entry.labels;
  }
  EXPECT_TRUE(answer_by_id(items, *predicted).ok());
  return items;
}

Score score(const std::string& metric, const std::vector<PairItem>& items,
            const std::string& negative = "no_relation") {
  const auto result =
      score_pairs(metric, items, {.negative = negative, .bootstrap = 20, .seed = 1});
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? *result : Score{};
}

PairItem item(Labels gold, Labels predicted, std::vector<double> scores = {}) {
  PairItem result;
  result.gold = std::move(gold);
  result.predicted = std::move(predicted);
  result.scores = std::move(scores);
  return result;
}

TEST(Metrics, EveryNameOfTheInterfaceIsKnown) {
  for (const char* name :
       {"docred", "autore", "tacred", "retacred", "semeval", "pair-micro", "pair-macro", "crellm",
        "chinese-nre", "rag4re", "ner-span", "re-strict", "re-boundary", "ed", "eae", "ruie"}) {
    const auto metric = find_metric(name);
    ASSERT_TRUE(metric.ok()) << name;
    EXPECT_FALSE(metric->definition.empty() || metric->needs.empty() || metric->source.empty());
  }
  const auto typo = find_metric("tacerd");
  ASSERT_FALSE(typo.ok());
  EXPECT_EQ(typo.error().code, ErrorCode::kUsage);
  EXPECT_NE(typo.error().hint.find("did you mean 'tacred'?"), std::string::npos);
}

// 4 examples have a relation; 3 are answered, 2 rightly.
std::vector<PairItem> tacred_sample() {
  return keyed_items("tacred_gold.tsv", "tacred_answers.tsv");
}

TEST(Tacred, LeavesNoRelationOut) {
  const Score ours = score("tacred", tacred_sample());
  EXPECT_DOUBLE_EQ(ours.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(ours.recall, 2.0 / 4);
  EXPECT_DOUBLE_EQ(ours.f1, 4.0 / 7);
  EXPECT_DOUBLE_EQ(ours.floor, 2.0 * 2 / (6 + 4));
  EXPECT_EQ(ours.floor_answer, "per:title");
  std::vector<PairItem> silent = tacred_sample();
  for (PairItem& one : silent) one.predicted = {"no_relation"};
  EXPECT_EQ(score("tacred", silent).precision, 1);  // as its scorer says
  EXPECT_EQ(score("tacred", silent).f1, 0);
}

TEST(Tacred, SeveralLabelsAreAnError) {
  const auto result = score_pairs("tacred", {item({"a"}, {"a", "b"})}, {});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("2 predicted labels"), std::string::npos);
}

TEST(Patch, RevisesAndFilters) {
  const auto revision = parse_label_patch(sample("tacrev_patch.json"), "p.json");
  ASSERT_TRUE(revision.ok()) << revision.error().message;
  const auto revised = apply_patch(tacred_sample(), *revision);
  ASSERT_TRUE(revised.ok());
  EXPECT_EQ(revised->size(), 6U);
  EXPECT_EQ((*revised)[5].gold, Labels{"org:founded"});
  EXPECT_DOUBLE_EQ(score("tacred", *revised).precision, 1);

  const auto relabelling = parse_label_patch(sample("retacred_patch.json"), "q.json");
  ASSERT_TRUE(relabelling.ok());
  const auto kept = apply_patch(tacred_sample(), *relabelling);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 3U);
  EXPECT_EQ((*kept)[0].id, "t1");  // gold's order, not the patch's
  EXPECT_EQ((*kept)[1].gold, Labels{"per:identity"});
}

TEST(Patch, BadOnesNameTheEntry) {
  const auto unknown = parse_label_patch(R"([{"id": "t9", "relation": "x"}])", "p.json");
  ASSERT_TRUE(unknown.ok());
  const auto applied = apply_patch(tacred_sample(), *unknown);
  ASSERT_FALSE(applied.ok());
  EXPECT_NE(applied.error().message.find("p.json: ids that are not in gold: 't9'"),
            std::string::npos);
  for (const char* bad : {"3", R"([{"id": "a"}])", R"([{"id": 3, "relation": "x"}])", R"({"a": 1})",
                          R"([{"id":"a","relation":"x"},{"id":"a","relation":"y"}])", "[["}) {
    const auto result = parse_label_patch(bad, "p.json");
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_TRUE(result.error().message.starts_with("p.json:")) << result.error().message;
  }
}

TEST(KeyedLabels, AreRecognisedAndChecked) {
  EXPECT_TRUE(looks_keyed("8001\tOther\r\n8002\tOther\r\n"));
  EXPECT_FALSE(looks_keyed("a\tb\nb\ta\n"));  // label sets
  EXPECT_FALSE(looks_keyed("a\tb\nc\n"));     // one column
  EXPECT_FALSE(looks_keyed("a\tb\na\tc\n"));  // first column repeats
  EXPECT_FALSE(looks_keyed(""));
  const auto twice = parse_keyed_labels("1\ta\n2\tb\n1\tc\n", "k.txt");
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().message.find("k.txt:3: id '1' is already answered at k.txt:1"),
            std::string::npos);
  const auto bare = parse_keyed_labels("1\ta\n2\n", "k.txt");
  ASSERT_FALSE(bare.ok());
  EXPECT_TRUE(bare.error().message.starts_with("k.txt:2:"));
  std::vector<PairItem> items = tacred_sample();
  const Status stranger = answer_by_id(items, {{"t9", {"a"}, "k.txt:4"}});
  ASSERT_FALSE(stranger.ok());
  EXPECT_NE(stranger.error().message.find("k.txt:4: id 't9'"), std::string::npos);
}

TEST(ParseLabelList, NumberedAnswers) {
  const auto answers = parse_label_list(R"([{"1": "b", "0": "a", "2": ""}])", "p.json");
  ASSERT_TRUE(answers.ok()) << answers.error().message;
  EXPECT_EQ(*answers, (LabelList{{"a"}, {"b"}, {}}));
  EXPECT_EQ(parse_label_list(R"({"0": "a"})", "p.json")->size(), 1U);
  for (const char* bad : {R"({"0": "a", "2": "b"})", R"({"x": "a"})", R"({"0": 3})",
                          R"({"0": "a", "00": "b"})", R"({"99999999999999999999": "a"})"}) {
    const auto result = parse_label_list(bad, "p.json");
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_TRUE(result.error().message.starts_with("p.json:"));
  }
}

TEST(Semeval, ThreeViewsOfASmallKey) {
  const std::vector<PairItem> items = keyed_items("semeval_key.txt", "semeval_answers.txt");
  const auto text = semeval_scorer_text(items);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(*text, sample("semeval_scores.txt"));
  // Cause-Effect: 1 right and 1 turned of 3; Entity-Origin: skipped.
  const Score ours = score("semeval", items);
  EXPECT_DOUBLE_EQ(ours.f1, (2 * 0.5 * (1.0 / 3) / (0.5 + 1.0 / 3) + 0) / 2);
  ASSERT_EQ(ours.parts.size(), 5U);
  EXPECT_EQ(ours.parts[1].metric, "undirected-macro");
  EXPECT_DOUBLE_EQ(ours.parts[1].recall, (2.0 / 3 + 0) / 2);
}

TEST(Semeval, OtherLabelsAndEmptyAnswersAreErrors) {
  const auto label = score_pairs("semeval", {item({"Other"}, {"cause-effect(e1,e2)"})}, {});
  ASSERT_FALSE(label.ok());
  EXPECT_NE(label.error().message.find("'cause-effect(e1,e2)'"), std::string::npos);
  EXPECT_FALSE(semeval_scorer_text({item({"Cause-Effect(e1,e2)"}, {})}).ok());
  EXPECT_FALSE(semeval_scorer_text({item({"Other"}, {"Other"})}).ok());
}

TEST(Rag4re, OnlyUnprefixedLabelsAreCompared) {
  const std::vector<PairItem> items = {
      item({"no_relation"}, {"No relation"}), item({"no_relation"}, {"answer: no_relation"}),
      item({"per:title"}, {"no_relation"}), item({"per:title"}, {"per:title"}),
      item({"no_relation"}, {"per:title"})};
  const Score ours = score("rag4re", items);
  EXPECT_DOUBLE_EQ(ours.precision, 1.0 / 2);  // "_no_relation" is another string
  EXPECT_DOUBLE_EQ(ours.recall, 1.0 / 3);
  EXPECT_EQ(ours.floor_answer, "no_relation");
  EXPECT_NE(ours.definition.find("'no_relation'"), std::string::npos);
}

TEST(Rag4re, SemevalTakesTheLastWord) {
  const std::vector<PairItem> items = {item({"Cause-Effect(e1,e2)"}, {"It is Cause-Effect(e1,e2)"}),
                                       item({"Other"}, {"other"}), item({"Other"}, {"Other"})};
  const Score ours = score("rag4re", items);
  EXPECT_DOUBLE_EQ(ours.precision, 1);
  EXPECT_DOUBLE_EQ(ours.recall, 2.0 / 3);
}

TEST(ChineseNre, OneBestLabelAPair) {
  const std::vector<PairItem> items = {
      item({"拥有", "入股"}, {"入股"}, {0.9}), item({"拥有"}, {"unknown", "拥有"}, {0.6, 0.4}),
      item({"unknown"}, {"拥有"}, {0.5}), item({"入股"}, {"拥有", "入股"}, {0.3, 0.7}),
      item({"unknown", "合作"}, {"unknown"}, {0.8})};
  const Score ours = score("chinese-nre", items, "unknown");
  EXPECT_DOUBLE_EQ(ours.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(ours.recall, 2.0 / 4);
  // Points (recall, precision): (1/4, 1), (1/2, 1), (1/2, 2/3).
  ASSERT_TRUE(ours.extra.contains("auc"));
  EXPECT_DOUBLE_EQ(ours.extra.at("auc"), 0.25);
}

}  // namespace
}  // namespace relata::eval
