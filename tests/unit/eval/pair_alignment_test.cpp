#include <gtest/gtest.h>

#include <filesystem>

#include "relata/data/formats.h"
#include "relata/eval/labels.h"
#include "relata/eval/pair_metrics.h"

namespace relata::eval {
namespace {

using data::Document;
using Labels = std::vector<std::string>;

// "Ann met Bob" with the relations Ann-knows-Bob and Bob-knows-Ann.
Document ann_and_bob() {
  Document document;
  document.id = "d1";
  document.text = "Ann met Bob";
  document.entities = {{"e0", "Ann", "", {{0, 3}}, {}}, {"e1", "Bob", "", {{8, 11}}, {}}};
  document.relations = {{0, 1, "knows", {}, {}}, {1, 0, "knows", {}, {}}};
  return document;
}

Document second_document() {
  Document document;
  document.id = "d2";
  document.text = "Li saw Li";
  document.entities = {{"e0", "Li", "", {{0, 2}}, {}}, {"e1", "Li", "", {{7, 9}}, {}}};
  document.relations = {{0, 1, "sees", {}, {}}};
  return document;
}

TEST(AlignPairs, ByIdAndMentionInAnyOrder) {
  Document predicted = ann_and_bob();
  std::swap(predicted.entities[0], predicted.entities[1]);
  predicted.entities[0].text = "Robert";
  predicted.relations = {{1, 0, "likes", 0.5, {}}, {1, 0, "knows", 0.25, {}}};
  const auto items = align_pairs({ann_and_bob(), second_document()}, {predicted});
  ASSERT_TRUE(items.ok()) << items.error().message;
  ASSERT_EQ(items->size(), 3U);
  EXPECT_EQ((*items)[0].predicted, (Labels{"likes", "knows"}));
  EXPECT_EQ((*items)[0].scores, (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ((*items)[0].gold, Labels{"knows"});
  EXPECT_EQ((*items)[0].reverse, 1);
  EXPECT_EQ((*items)[1].reverse, 0);
  EXPECT_TRUE((*items)[1].predicted.empty());
  EXPECT_TRUE((*items)[2].predicted.empty());
  EXPECT_EQ((*items)[2].reverse, -1);
  EXPECT_EQ((*items)[2].id, "d2");
  EXPECT_NE((*items)[0].id, (*items)[1].id);
  EXPECT_NE((*items)[0].context.find("Ann met Bob"), std::string::npos);
}

TEST(AlignPairs, ThousandsOfPairsInADocument) {
  constexpr int kPairs = 20000;
  Document gold;
  gold.id = "d";
  for (int i = 0; i < kPairs; ++i) {
    for (const char* side : {"h", "t"}) {
      data::Entity entity;
      entity.id = entity.text = side + std::to_string(i);
      gold.entities.push_back(entity);
    }
    gold.relations.push_back({2 * i, 2 * i + 1, "r", {}, {}});
  }
  const auto items = align_pairs({gold}, {gold});
  ASSERT_TRUE(items.ok()) << items.error().message;
  ASSERT_EQ(items->size(), static_cast<size_t>(kPairs));
  for (const PairItem& item : *items) ASSERT_EQ(item.predicted, Labels{"r"}) << item.id;
}

TEST(AlignPairs, EqualNamesAreToldApartByMention) {
  Document predicted = second_document();
  predicted.relations = {{1, 0, "sees", {}, {}}};
  const auto items = align_pairs({second_document()}, {predicted});
  ASSERT_FALSE(items.ok());
  EXPECT_NE(items.error().message.find("Li → Li"), std::string::npos);
}

TEST(AlignPairs, ByTextWithoutMentions) {
  Document predicted = ann_and_bob();
  predicted.text = "";
  for (auto& entity : predicted.entities) entity.mentions.clear();
  const auto items = align_pairs({ann_and_bob()}, {predicted});
  ASSERT_TRUE(items.ok()) << items.error().message;
  EXPECT_EQ((*items)[0].predicted, Labels{"knows"});
  EXPECT_TRUE((*items)[0].scores.empty());
}

TEST(AlignPairs, ByPositionWhenNoIdMatches) {
  Document first = ann_and_bob(), second = second_document();
  first.id = "x", second.id = "y";
  const auto items = align_pairs({ann_and_bob(), second_document()}, {first, second});
  ASSERT_TRUE(items.ok()) << items.error().message;
  EXPECT_EQ((*items)[2].predicted, Labels{"sees"});
  EXPECT_FALSE(align_pairs({ann_and_bob(), second_document()}, {second, first}).ok());
  EXPECT_FALSE(align_pairs({ann_and_bob(), second_document()}, {first}).ok());
}

TEST(AlignPairs, UnmatchedPredictionsAreNamed) {
  Document stranger = ann_and_bob();
  stranger.id = "d9";
  const auto documents =
      align_pairs({ann_and_bob(), second_document()}, {second_document(), stranger});
  ASSERT_FALSE(documents.ok());
  EXPECT_EQ(documents.error().code, ErrorCode::kBadInput);
  EXPECT_NE(documents.error().message.find("'d9'"), std::string::npos);
  EXPECT_FALSE(documents.error().hint.empty());
}

TEST(AlignPairs, NoPredictionsAtAllCountAsEmpty) {
  const auto items = align_pairs({ann_and_bob()}, {});
  ASSERT_TRUE(items.ok());
  EXPECT_EQ(items->size(), 2U);
  EXPECT_TRUE((*items)[0].predicted.empty());
}

TEST(AlignPairs, AnotherTextIsAnError) {
  Document predicted = ann_and_bob();
  predicted.text = "Ann saw Bob";
  for (const auto& gold : {std::vector<Document>{ann_and_bob()},
                           std::vector<Document>{second_document(), ann_and_bob()}}) {
    const auto items = align_pairs(gold, {predicted});
    ASSERT_FALSE(items.ok());
    EXPECT_EQ(items.error().message, "predicted document 'd1' has another text than gold");
    EXPECT_FALSE(items.error().hint.empty());
  }
  predicted.text = "";
  predicted.entities[0].mentions = predicted.entities[1].mentions = {};
  EXPECT_TRUE(align_pairs({ann_and_bob()}, {predicted}).ok());
}

TEST(AlignLabels, InTheQueriesOrder) {
  const std::vector<Document> gold = {ann_and_bob(), second_document()};
  const auto items = align_labels(gold, {{"knows"}, {}, {"a", "b", "a"}});
  ASSERT_TRUE(items.ok());
  EXPECT_EQ((*items)[0].predicted, Labels{"knows"});
  EXPECT_TRUE((*items)[1].predicted.empty());
  EXPECT_EQ((*items)[2].predicted, (Labels{"a", "b"}));
  const auto wrong = align_labels(gold, {{"knows"}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("1 answers for 3"), std::string::npos);
}

TEST(AlignLabels, InTheRowsOrderWhereItIsKnown) {
  std::vector<Document> gold = {ann_and_bob(), second_document()};
  gold[0].meta["rows"] = Json::parse("[1, 3]");
  gold[1].meta["rows"] = Json::parse("[2]");
  auto items = align_labels(gold, {{"knows"}, {"sees"}, {"likes"}});
  ASSERT_TRUE(items.ok());
  EXPECT_EQ((*items)[1].gold, Labels{"sees"});
  EXPECT_EQ((*items)[0].reverse, 2);
  EXPECT_EQ((*items)[2].reverse, 0);
  gold[1].meta["rows"] = Json::parse("[1]");  // of another file
  items = align_labels(gold, {{"knows"}, {"likes"}, {"sees"}});
  ASSERT_TRUE(items.ok());
  EXPECT_EQ((*items)[2].gold, Labels{"sees"});
}

TEST(ParseLabelList, Lines) {
  const auto answers = parse_label_list("\xEF\xBB\xBF拥有\t入股\r\n\nunknown \n", "p.txt");
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(*answers, (std::vector<Labels>{{"拥有", "入股"}, {}, {"unknown"}}));
  EXPECT_EQ(parse_label_list("a\nb", "p.txt")->size(), 2U);
  EXPECT_TRUE(parse_label_list("", "p.txt")->empty());
}

TEST(ParseLabelList, JsonList) {
  const auto answers = parse_label_list(R"( ["a", "", ["b", "c"]])", "p.json");
  ASSERT_TRUE(answers.ok()) << answers.error().message;
  EXPECT_EQ(*answers, (std::vector<Labels>{{"a"}, {}, {"b", "c"}}));
  const auto number = parse_label_list(R"(["a", 3])", "p.json");
  ASSERT_FALSE(number.ok());
  EXPECT_NE(number.error().message.find("p.json: entry 2"), std::string::npos);
  EXPECT_FALSE(parse_label_list("[\"a\"", "p.json").ok());
}

TEST(ParseLabelList, InvalidUtf8NamesTheLine) {
  const auto answers = parse_label_list("a\n\xFF\n", "p.txt");
  ASSERT_FALSE(answers.ok());
  EXPECT_NE(answers.error().message.find("p.txt:2"), std::string::npos);
}

struct Reference {
  std::string file;
  size_t pairs;
  double precision, recall, f1;
};

// A dataset whose values are known from CRE-LLM's own evaluation of its instruction files.
class AlwaysUnknown : public testing::TestWithParam<Reference> {};

TEST_P(AlwaysUnknown, GivesTheKnownFloor) {
  const Reference& reference = GetParam();
  const std::string path = std::string(RELATA_SHARED) + "/data/" + reference.file;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  const auto dataset = data::read_dataset(path, {});
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const size_t pairs = data::pair_queries(dataset->documents).size();
  EXPECT_EQ(pairs, reference.pairs);
  const auto items =
      align_labels(dataset->documents, std::vector<Labels>(pairs, Labels{"unknown"}));
  ASSERT_TRUE(items.ok()) << items.error().message;

  const EvalOptions options = {.negative = "unknown", .bootstrap = 200, .seed = 1};
  const auto score = score_pairs("crellm", *items, options);
  ASSERT_TRUE(score.ok());
  EXPECT_NEAR(score->precision, reference.precision, 5e-5);
  EXPECT_NEAR(score->recall, reference.recall, 5e-5);
  EXPECT_NEAR(score->f1, reference.f1, 5e-5);
  EXPECT_NEAR(score->floor, score->f1, 1e-12);
  EXPECT_EQ(score->floor_answer, "unknown");
  EXPECT_LT(score->ci_low, score->f1);
  EXPECT_GT(score->ci_high, score->f1);
  EXPECT_EQ(score_pairs("pair-micro", *items, options)->f1, 0);

  const auto perfect = align_pairs(dataset->documents, dataset->documents);
  ASSERT_TRUE(perfect.ok()) << perfect.error().message;
  for (const std::string& metric : pair_metric_names()) {
    EXPECT_EQ(score_pairs(metric, *perfect, options)->f1, 1) << metric;
  }
}

INSTANTIATE_TEST_SUITE_P(CreData, AlwaysUnknown,
                         testing::Values(Reference{"finre/test.txt", 3359, .2992, .2861, .2905},
                                         Reference{"finre/valid.txt", 1353, .2838, .2727, .2764},
                                         Reference{"sanwen/valid.txt", 1786, .2850, .2836, .2841},
                                         Reference{"sanwen/test.txt", 2205, .2989, .2959, .2969}),
                         [](const auto& test) {
                           std::string name = test.param.file.substr(0, test.param.file.find('.'));
                           name[name.find('/')] = '_';
                           return name;
                         });

}  // namespace
}  // namespace relata::eval
