#include "relata/eval/docred.h"

#include <gtest/gtest.h>

#include "../redocred_files.h"
#include "relata/base/file.h"
#include "relata/base/parallel.h"

namespace relata::eval {
namespace {

using data::Document;

std::shared_ptr<const FileText> shared_text(std::string text) {
  return FileText::of(std::move(text));
}

std::string sample(const std::string& name) {
  const auto content = read_file(std::string(RELATA_TEST_FILES) + "/eval/" + name);
  EXPECT_TRUE(content.ok()) << name;
  return content.ok() ? *content : "";
}

DocRedGold sample_gold() {
  auto gold = parse_docred(shared_text(sample("docred_gold.json")), "gold.json");
  EXPECT_TRUE(gold.ok()) << (gold.ok() ? "" : gold.error().message);
  return gold.ok() ? std::move(*gold) : DocRedGold{};
}

DocRedAnswers sample_answers(DocRedGold& gold) {
  auto answers = parse_docred_result(sample("docred_result.json"), "result.json", gold);
  EXPECT_TRUE(answers.ok()) << (answers.ok() ? "" : answers.error().message);
  return answers.ok() ? *answers : DocRedAnswers{};
}

TrainFacts facts_of(const std::string& text) {
  auto facts = TrainFacts::parse(shared_text(text), "train.fact");
  EXPECT_TRUE(facts.ok()) << (facts.ok() ? "" : facts.error().message);
  return facts.ok() ? std::move(*facts) : TrainFacts{};
}

// The sample has 5 facts; of 5 distinct answers (one comes twice) 3 are right, one of these is a
// fact of the training set.
struct Expected {
  std::string name;
  double precision, recall, f1;
};
const std::vector<Expected> kExpected = {
    {"docred", 3.0 / 5, 3.0 / 5, 0.6},       {"ign", 2.0 / 4, 3.0 / 5, 2 * 0.5 * 0.6 / 1.1},
    {"evidence", 2.0 / 4, 2.0 / 5, 4.0 / 9}, {"intra", 2.0 / 3, 2.0 / 3, 2.0 / 3},
    {"inter", 1.0 / 2, 1.0 / 2, 1.0 / 2},
};

void expect_sample_scores(const Score& score) {
  ASSERT_EQ(score.parts.size(), kExpected.size() - 1);
  for (size_t i = 0; i < kExpected.size(); ++i) {
    const Score& one = i == 0 ? score : score.parts[i - 1];
    EXPECT_EQ(one.metric, kExpected[i].name);
    EXPECT_DOUBLE_EQ(one.precision, kExpected[i].precision) << one.metric;
    EXPECT_DOUBLE_EQ(one.recall, kExpected[i].recall) << one.metric;
    EXPECT_DOUBLE_EQ(one.f1, kExpected[i].f1) << one.metric;
  }
}

TEST(DocRed, SampleByHand) {
  DocRedGold gold = sample_gold();
  const DocRedAnswers answers = sample_answers(gold);
  const TrainFacts facts = facts_of(sample("docred_train.fact"));
  EXPECT_EQ(facts.size(), 2U);
  const auto scores = score_docred(gold, answers, {&facts, {}, true});
  ASSERT_TRUE(scores.ok()) << scores.error().message;
  expect_sample_scores(score_of(*scores, {"", 0, 0}));
  // P17 holds for 3 of the 6 + 2 pairs.
  EXPECT_DOUBLE_EQ(scores->floors[0].f1, 2.0 * 3 / (8 + 5));
  EXPECT_EQ(scores->floors[0].answer, "P17");
  std::map<std::string, int> kinds;
  for (const ErrorRow& error : scores->errors) ++kinds[error.kind];
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"direction", 1}, {"type", 1}}));
  ASSERT_EQ(scores->tables.size(), 2U);
  EXPECT_EQ(scores->tables[0].rows[0].label, "P17");
  EXPECT_EQ(scores->tables[1].column, "tokens");
  EXPECT_EQ(scores->tables[1].rows[0].counts.gold, 3);  // 0-5 tokens apart
}

// The sample as a reader makes it: tokens joined by spaces, a mention with a stated name.
std::vector<Document> sample_documents() {
  Document oslo;
  oslo.id = "Oslo";
  oslo.text = "Oslo is in Norway . It lies by the Oslofjord in the kingdom of Norway .";
  oslo.sentences = {{0, 19}, {20, 71}};
  oslo.entities = {{"e0", "Oslo", "LOC", {{0, 4}}, {}},
                   {"e1", "Norway", "LOC", {{11, 17}, {63, 69}}, {}},
                   {"e2", "Oslofjord", "LOC", {{35, 44}}, {"Oslo fjord"}}};
  oslo.relations = {{0, 1, "P17", {}, {{0, 19}}},
                    {1, 0, "P36", {}, {{0, 19}}},
                    {2, 1, "P17", {}, {{20, 71}}},
                    {0, 2, "P206", {}, {{0, 19}, {20, 71}}}};
  Document ann;
  ann.id = "Ann \"A\"";
  ann.text = "Ann lives here . Later she left Bonn .";
  ann.sentences = {{0, 16}, {17, 38}};
  ann.entities = {{"e0", "Ann", "PER", {{0, 3}}, {}}, {"e1", "Bonn", "LOC", {{32, 36}}, {}}};
  ann.relations = {{0, 1, "P17", {}, {}}};
  return {oslo, ann};
}

TEST(DocRed, DocumentsScoreLikeFiles) {
  const std::vector<Document> documents = sample_documents();
  for (const Document& document : documents) {
    for (const data::Entity& entity : document.entities) {
      EXPECT_EQ(document.text.substr(entity.mentions[0].begin,
                                     entity.mentions[0].end - entity.mentions[0].begin),
                entity.text);
    }
  }
  DocRedGold gold = docred_from_documents(documents, "");
  DocRedGold from_file = sample_gold();
  ASSERT_EQ(gold.documents.size(), from_file.documents.size());
  for (size_t d = 0; d < gold.documents.size(); ++d) {
    EXPECT_EQ(gold.documents[d].title, from_file.documents[d].title);
    EXPECT_EQ(gold.documents[d].evidence, from_file.documents[d].evidence);
    ASSERT_EQ(gold.documents[d].mentions.size(), from_file.documents[d].mentions.size());
    for (size_t m = 0; m < gold.documents[d].mentions.size(); ++m) {
      const DocRedMention &a = gold.documents[d].mentions[m],
                          &b = from_file.documents[d].mentions[m];
      EXPECT_EQ(a.name, b.name);
      EXPECT_EQ(a.sentence, b.sentence);
      EXPECT_EQ(a.begin, b.begin) << a.name;
      EXPECT_EQ(a.end, b.end) << a.name;
    }
  }
  const DocRedAnswers answers = sample_answers(gold);
  const TrainFacts facts = facts_of(sample("docred_train.fact"));
  const auto scores = score_docred(gold, answers, {&facts, {}, false});
  ASSERT_TRUE(scores.ok());
  expect_sample_scores(score_of(*scores, {"", 0, 0}));
  EXPECT_TRUE(scores->errors.empty());
}

// Predicted documents in three ways: numbered entities, the same mentions, the same names.
TEST(DocRed, PredictedDocuments) {
  const std::vector<Document> gold_documents = sample_documents();
  Document numbered;
  numbered.id = "Oslo";
  numbered.entities.resize(3);
  numbered.relations = {{0, 1, "P17", {}, {}}, {0, 2, "P206", 0.5, {}}};
  Document mentioned = gold_documents[0];
  std::swap(mentioned.entities[0], mentioned.entities[1]);
  mentioned.relations = {{1, 0, "P17", {}, {}}, {1, 2, "P206", {}, {}}};
  Document named;
  named.id = "Oslo";
  named.entities = {{"e0", "Norway", "", {}, {}},
                    {"e1", "Oslo", "", {}, {}},
                    {"e2", "Oslo fjord", "", {}, {}},
                    {"e3", "Rome", "", {}, {}}};
  named.relations = {{1, 0, "P17", {}, {}}, {1, 2, "P206", {}, {}}};
  for (const Document& predicted : {numbered, mentioned, named}) {
    DocRedGold gold = docred_from_documents(gold_documents, "");
    const auto answers = docred_answers(gold_documents, {predicted}, "", gold);
    ASSERT_TRUE(answers.ok()) << answers.error().message;
    const auto scores = score_docred(gold, *answers, {nullptr, {}, true});
    ASSERT_TRUE(scores.ok());
    const Score score = score_of(*scores, {"", 100, 0});
    EXPECT_EQ(score.precision, 1);
    EXPECT_DOUBLE_EQ(score.recall, 2.0 / 5);
  }
  Document stranger = named;
  stranger.relations = {{1, 3, "P17", {}, {}}, {3, 1, "P17", {}, {}}};
  DocRedGold gold = docred_from_documents(gold_documents, "");
  const auto answers = docred_answers(gold_documents, {stranger}, "", gold);
  ASSERT_TRUE(answers.ok());
  const auto scores = score_docred(gold, *answers, {nullptr, {}, true});
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(scores->tallies[0].classes().at("P17").predicted, 2);
  EXPECT_EQ(scores->tallies[0].fractions().precision, 0);
  std::vector<std::string> invented;  // their ends have names, though gold does not have them
  for (const ErrorRow& error : scores->errors) {
    if (error.kind == "invented") invented.push_back(error.context);
  }
  EXPECT_EQ(invented, (std::vector<std::string>{"Rome → Oslo", "Oslo → Rome"}));
}

TEST(DocRed, GoldEntitiesInThePlaceOfFoundOnes) {
  const std::vector<Document> gold = sample_documents();
  Document found = gold[0];
  found.entities = {
      {"e0", "Rome", "", {}, {}}, {"e1", "Norway", "", {}, {}}, {"e2", "Oslo", "", {}, {}}};
  found.relations = {{2, 1, "P17", 0.5, {}}, {0, 1, "P17", {}, {}}, {2, 1, "P17", 0.75, {}}};
  const auto numbered = with_gold_entities(gold, {found});
  ASSERT_TRUE(numbered.ok()) << numbered.error().message;
  EXPECT_EQ(numbered->left_out, 1U);
  ASSERT_EQ(numbered->documents.size(), 1U);
  const Document& document = numbered->documents[0];
  ASSERT_EQ(document.entities.size(), gold[0].entities.size());
  ASSERT_EQ(document.relations.size(), 1U);
  EXPECT_EQ(document.entities[document.relations[0].head].text, "Oslo");
  EXPECT_EQ(document.entities[document.relations[0].tail].text, "Norway");
  EXPECT_EQ(document.relations[0].score, 0.75);
}

TEST(DocRed, ErrorsOfThousandsOfAnswers) {
  constexpr int kFacts = 20000;
  Document gold, found;
  gold.id = found.id = "d";
  for (int i = 0; i < kFacts; ++i) {
    for (const char* side : {"h", "t"}) {
      data::Entity entity;
      entity.id = entity.text = side + std::to_string(i);
      gold.entities.push_back(entity);
    }
    gold.relations.push_back({2 * i, 2 * i + 1, "r", {}, {}});
    found.relations.push_back(i % 2 == 0 ? data::Relation{2 * i, 2 * i + 1, "s", {}, {}}
                                         : data::Relation{2 * i + 1, 2 * i, "r", {}, {}});
  }
  found.entities = gold.entities;
  DocRedGold facts = docred_from_documents({gold}, "");
  const auto answers = docred_answers({gold}, {found}, "", facts);
  ASSERT_TRUE(answers.ok());
  const auto scores = score_docred(facts, *answers, {nullptr, {}, true});
  ASSERT_TRUE(scores.ok());
  std::map<std::string, int> kinds;
  for (const ErrorRow& error : scores->errors) ++kinds[error.kind];
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"direction", kFacts / 2}, {"type", kFacts / 2}}));
}

// Of gold entities that share a mention the likest is meant, and of equal ones that with the id.
TEST(DocRed, EntitiesThatShareAMention) {
  Document document;
  document.id = "d";
  document.text = "aspirin and warfarin cause bleeding";
  document.entities = {{"e0", "aspirin", "C", {{0, 7}, {12, 20}}, {}},
                       {"e1", "warfarin", "C", {{12, 20}}, {}},
                       {"e2", "warfarin", "C", {{12, 20}}, {}},
                       {"e3", "bleeding", "D", {{27, 35}}, {}}};
  document.relations = {{0, 3, "a", {}, {}}, {1, 3, "b", {}, {}}, {2, 3, "c", {}, {}}};
  Document turned = document;
  std::swap(turned.entities[0], turned.entities[2]);
  turned.relations = {{2, 3, "a", {}, {}}, {1, 3, "b", {}, {}}, {0, 3, "c", {}, {}}};
  Document more = document;  // shares two mentions with the first, one with the others
  more.entities[0].mentions.push_back({27, 35});
  for (const Document& predicted : {document, turned, more}) {
    DocRedGold gold = docred_from_documents({document}, "");
    const auto answers = docred_answers({document}, {predicted}, "", gold);
    ASSERT_TRUE(answers.ok()) << answers.error().message;
    const auto scores = score_docred(gold, *answers, {nullptr, {}, true});
    ASSERT_TRUE(scores.ok());
    EXPECT_EQ(scores->tallies[0].fractions().f1, 1);
  }
}

TEST(DocRed, TrainingSetInsteadOfFacts) {
  const TrainFacts facts = facts_of(sample("docred_gold.json"));
  EXPECT_TRUE(facts.contains("Oslo", "Norway", "P17"));
  EXPECT_TRUE(facts.contains("Ann", "Bonn", "P17"));
  EXPECT_TRUE(facts.contains("Oslo fjord", "Norway", "P17"));
  EXPECT_FALSE(facts.contains("Norway", "Oslo", "P17"));
  EXPECT_EQ(facts.size(), 5U);
}

TEST(DocRed, BadFilesNameTheLine) {
  const std::string good = sample("docred_gold.json");
  // Cut anywhere, the file is an error and never a crash.
  for (size_t cut = 0; cut + 3 < good.size(); ++cut) {
    const auto gold = parse_docred(shared_text(good.substr(0, cut)), "gold.json");
    ASSERT_FALSE(gold.ok()) << cut;
    EXPECT_TRUE(gold.error().message.starts_with("gold.json:")) << gold.error().message;
  }
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"([{"title": "a"}])", "vertexSet"},
      {R"([{"vertexSet": []}])", "title"},
      {R"([{"title":"a","vertexSet":[]},{"title":"a","vertexSet":[]}])", "comes twice"},
      {R"([{"title":"a","vertexSet":[[{"name":"x"}]],"labels":[{"h":0,"t":1,"r":"P1"}]}])",
       "entities 0 and 1, of 1"},
      {R"([{"title":"a","vertexSet":[[{"name":"x"}]],"labels":[{"h":0,"t":0}]}])", "'r'"},
      {R"([{"title":"a","vertexSet":[[{"sent_id":0}]]}])", "'name'"},
      {R"([{"title":"a","vertexSet":[[{"name":"x","sent_id":3}]],"sents":[["x"]]}])", "sent_id"},
      {R"([{"title":"a","vertexSet":[[{"name":"x","sent_id":-1}]]}])", "whole number"},
      {R"([{"title":"\ud800","vertexSet":[]}])", "surrogate"},
      {R"([{"title":3,"vertexSet":[]}])", "string"},
      {"[{\"title\":\"\xFF\",\"vertexSet\":[]}]", "UTF-8"},
      {R"([{"title":"a","vertexSet":[[{"name":"x","sent_id":0,"pos":[1,2]}]],"sents":[["x"]]}])",
       "'pos' is 1 to 2, in a sentence of 1 tokens"},
      {R"([{"title":"a","vertexSet":[[{"name":"x","pos":[0]}]]}])", "two numbers"},
      {R"([{"title":"a","vertexSet":[[{"name":"x","pos":[0,2147483648]}]]}])", "whole number"},
      {R"([{"title":"a","vertexSet":[[{"name":"x"}]],"sents":[["x"]],)"
       R"("labels":[{"h":0,"t":0,"r":"P1","evidence":[1]}]}])",
       "'evidence' has 1, of 1 sentences"},
      {R"([{"title":"a","vertexSet":[],"labels":{}}])", "'labels' is not a list"},
      {R"([3])", "a document is an object"},
      {R"({"title":"a"})", "list"},
      {R"([] x)", "goes on"},
  };
  for (const auto& [text, problem] : cases) {
    const auto gold = parse_docred(shared_text(text), "gold.json");
    ASSERT_FALSE(gold.ok()) << text;
    EXPECT_TRUE(gold.error().message.starts_with("gold.json:1:")) << gold.error().message;
    EXPECT_NE(gold.error().message.find(problem), std::string::npos) << gold.error().message;
  }
  DocRedGold gold = sample_gold();
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {R"([{"title":"Rome","h_idx":0,"t_idx":1,"r":"P17"}])", "'Rome' is not in gold"},
           {R"([{"title":"Oslo","h_idx":0,"t_idx":9,"r":"P17"}])", "'t_idx' is 9"},
           {R"([{"title":"Oslo","h_idx":0,"r":"P17"}])", "'t_idx'"},
           {R"([{"title":"Oslo","h_idx":0,"t_idx":1,"r":3}])", "'r' is not a string"},
           {R"([{"title":"Oslo","h_idx":0,"t_idx":1,"r":"P17","score":NaN}])", "no JSON value"},
           {R"([{"title":"Oslo","h_idx":0,"t_idx":1,"r":"P17","score":"1"}])", "not a number"},
           {R"([{"title":"Oslo","h_idx":0,"t_idx":1,"r":"P17","score":1e999}])", "not a number"},
           {R"([{"title":"Oslo","h_idx":-1,"t_idx":1,"r":"P17"}])", "'h_idx' is not a whole"},
           {R"([{"title":"Oslo","h_idx":0,"t_idx":1.0,"r":"P17"}])", "'t_idx' is not a whole"}}) {
    const auto answers = parse_docred_result(text, "result.json", gold);
    ASSERT_FALSE(answers.ok()) << text;
    EXPECT_NE(answers.error().message.find(problem), std::string::npos) << answers.error().message;
  }
  EXPECT_FALSE(TrainFacts::parse(shared_text(R"([["a","b"]])"), "f").ok());
  EXPECT_FALSE(score_docred(DocRedGold{}, {}, {}).ok());
}

// Titles, names and relations with escapes, spread over documents large enough for several threads.
TEST(DocRed, AnyNumberOfThreadsScoresTheSame) {
  Json gold = Json::array(), answers = Json::array(), facts = Json::array();
  for (int d = 0; d < 3000; ++d) {
    const std::string title = "Title \"" + std::to_string(d) + "\" \u4e2d";
    Json vertices = Json::array(), labels = Json::array();
    for (int e = 0; e < 6; ++e) {
      vertices.push_back({{{"name", "N\t" + std::to_string(e * d % 17)},
                           {"sent_id", e % 3},
                           {"pos", {e, e + 1}}}});
    }
    for (int e = 1; e < 6; ++e) {
      const std::string relation = "P" + std::to_string(e * d % 11);
      labels.push_back({{"h", 0}, {"t", e}, {"r", relation}, {"evidence", {e % 3}}});
      const Json fact = {vertices[0][0]["name"], vertices[e][0]["name"], relation};
      if ((d + e) % 5 == 0) facts.push_back(fact);
      const int tail = (d + e) % 7 == 0 ? 1 : e;
      answers.push_back({{"title", title},
                         {"h_idx", 0},
                         {"t_idx", tail},
                         {"evidence", {0, 1}},
                         {"r", (d + e) % 13 == 0 ? "stra\u00dfe\n" + relation : relation}});
    }
    const Json words = Json::array({"a", "b", "c", "d", "e", "f"});
    gold.push_back({{"title", title},
                    {"vertexSet", vertices},
                    {"labels", labels},
                    {"sents", Json::array({words, words, words})}});
  }
  std::vector<Json> results;
  const auto score = [&] {
    auto read = parse_docred(shared_text(gold.dump(-1, ' ', true)), "gold.json");
    ASSERT_TRUE(read.ok()) << read.error().message;
    const std::string text = answers.dump(-1, ' ', true);
    auto told = parse_docred_result(text, "result.json", *read);
    ASSERT_TRUE(told.ok()) << told.error().message;
    const auto known = TrainFacts::parse(shared_text(facts.dump(-1, ' ', true)), "f");
    ASSERT_TRUE(known.ok()) << known.error().message;
    const auto scores = score_docred(*read, *told, {&*known, {}, true});
    ASSERT_TRUE(scores.ok());
    Report report;
    report.scores = {score_of(*scores, {"", 50, 1})};
    report.errors = scores->errors;
    report.tables = scores->tables;
    results.push_back({report_json(report), report_text(report), error_lines(report)});
    EXPECT_GT(report.scores[0].f1, 0.5);
    EXPECT_LT(report.scores[0].parts[0].precision, report.scores[0].precision);
  };
  for (const int threads : {1, 2, 5}) with_threads(threads, score);
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST(DocRed, FloorAsksForPairsOfTwoEntities) {
  const auto gold = parse_docred(
      shared_text(R"([{"title":"a","vertexSet":[[{"name":"x"}],[{"name":"y"}]],"labels":[
          {"h":0,"t":0,"r":"P1"},{"h":0,"t":1,"r":"P1"},{"h":1,"t":1,"r":"P1"}]}])"),
      "gold.json");
  ASSERT_TRUE(gold.ok()) << gold.error().message;
  const auto scores = score_docred(*gold, {}, {});
  ASSERT_TRUE(scores.ok());
  EXPECT_DOUBLE_EQ(scores->floors[0].f1, 2.0 * 1 / (2 + 3));  // (0, 1) and (1, 0) for 3 facts
}

TEST(DocRed, OneTitleOfSeveralDocumentsNamesNone) {
  std::vector<Document> documents = sample_documents();
  documents[1].id = documents[0].id;
  DocRedGold gold = docred_from_documents(documents, "");
  EXPECT_EQ(gold.document("Oslo"), DocRedGold::kSeveral);
  const auto answers = parse_docred_result(R"([{"title":"Oslo","h_idx":0,"t_idx":1,"r":"P17"}])",
                                           "result.json", gold);
  ASSERT_FALSE(answers.ok());
  EXPECT_NE(answers.error().message.find("several gold documents"), std::string::npos);
}

TEST(DocRed, DeepNestingIsAnError) {
  const std::string deep = R"([{"title":"a","vertexSet":[],"x":)" + std::string(100000, '[');
  EXPECT_FALSE(parse_docred(shared_text(deep), "gold.json").ok());
}

// Gold fed back, and everything shuffled: F1 is 1 on the whole development set.
TEST(DocRed, GoldOfReDocRedFedBack) {
  const RedocredDev file;
  auto gold = parse_docred(shared_text(*read_file(file.path)), file.path);
  ASSERT_TRUE(gold.ok()) << gold.error().message;
  EXPECT_EQ(gold->documents.size(), file.whole ? 500U : 5U);
  DocRedAnswers answers;
  for (size_t d = 0; d < gold->documents.size(); ++d) {
    const DocRedDocument& document = gold->documents[d];
    const auto shift = static_cast<int>(answers.evidence.size());
    for (const DocRedFact& fact : document.facts) {
      answers.list.push_back({static_cast<int>(d), fact.head, fact.tail, fact.relation,
                              shift + fact.first_evidence, fact.evidence, 0, false});
    }
    answers.evidence.insert(answers.evidence.end(), document.evidence.begin(),
                            document.evidence.end());
  }
  EXPECT_EQ(answers.list.size(), file.whole ? 17284U : 118U);
  std::reverse(answers.list.begin(), answers.list.end());
  const auto scores = score_docred(*gold, answers, {nullptr, {}, true});
  ASSERT_TRUE(scores.ok());
  const Score score = score_of(*scores, {"", 10, 0});
  EXPECT_EQ(score.f1, 1);
  for (const Score& part : score.parts) EXPECT_EQ(part.f1, 1) << part.metric;
  EXPECT_TRUE(scores->errors.empty());
}

}  // namespace
}  // namespace relata::eval
