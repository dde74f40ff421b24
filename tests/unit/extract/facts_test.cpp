#include "relata/extract/facts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "fake_engine.h"
#include "relata/base/file.h"
#include "steps/found_document.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Relation;
using Strings = std::vector<std::string>;

// A compiler whose constraints remember the shape they were made of, to look at.
struct SeenShape : generate::Constraint {
  generate::AnswerShape shape;
  bool spans = false;
  std::unique_ptr<generate::ConstraintWalk> start() const override { return nullptr; }
};

class SeeingCompiler : public generate::AnswerCompiler {
 public:
  Result<std::shared_ptr<const generate::Constraint>> compile(
      const generate::AnswerShape& shape,
      std::shared_ptr<const generate::SpanSource> spans) const override {
    ++compiled;
    auto out = std::make_shared<SeenShape>();
    out->shape = shape;
    out->spans = spans != nullptr;
    return std::shared_ptr<const generate::Constraint>(out);
  }
  mutable int compiled = 0;
};

data::Schema schema() {
  data::Schema out;
  for (const char* name : {"father", "spouse", "capital", "capital of"}) {
    data::RelationType type;
    type.id = std::string("R:") + name;
    type.name = name;
    type.description = std::string("About ") + name + ".";
    out.relation_types.push_back(type);
  }
  out.relation_types[0].head_types = {"PER"};
  out.relation_types[0].tail_types = {"PER"};
  out.relation_types[1].symmetric = true;
  out.relation_types[2].inverse = "R:capital of";
  out.relation_types[3].inverse = "R:capital";
  return out;
}

class Facts : public testing::Test {
 protected:
  Facts() { use("rhf"); }
  void use(const std::string& pipeline, const std::string& relation_mode = "list") {
    BuiltinPipeline choice;
    choice.name = pipeline;
    choice.relation_mode = relation_mode;
    extractor_.config = default_config(pipeline);
    extractor_.pipeline = builtin_pipeline(choice).value();
    extractor_.schema = schema();
    engine_.text_of = [this](const std::string& prompt) { return answer(prompt); };
  }
  // The first rule whose texts all stand in the prompt answers it.
  std::string answer(const std::string& prompt) const {
    for (const auto& [texts, answer] : rules_) {
      const bool all = std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
        return prompt.find(text) != std::string::npos;
      });
      if (all) return answer;
    }
    return "none";
  }
  Document run(const Document& document) {
    auto out = extract_facts(extractor_, engine_, compiler_, {document}, options_, &counts_);
    EXPECT_TRUE(out.ok()) << out.error().message;
    return std::move(out.value()[0]);
  }
  static Strings triples(const Document& document) {
    Strings out;
    for (const Relation& relation : document.relations) {
      out.push_back(document.entities[static_cast<size_t>(relation.head)].text + "|" +
                    relation.type.substr(2) + "|" +
                    document.entities[static_cast<size_t>(relation.tail)].text);
    }
    return out;
  }
  static std::set<std::string> as_set(const Strings& strings) {
    return {strings.begin(), strings.end()};
  }

  Extractor extractor_;
  FakeEngine engine_;
  std::shared_ptr<SeeingCompiler> compiler_ = std::make_shared<SeeingCompiler>();
  FactOptions options_;
  AskedCounts counts_;
  std::vector<std::pair<Strings, std::string>> rules_;
  Document family_ = make_document(
      "d", "Ann Lee wed Bob in May. It rained. Ann's father is Cid. Cid lives in Rome.", {});
};

const char* const kAskRelations = "Which relations does the text state?";
const char* const kAskHeads = "Which heads";
const char* const kAskTails = "Which tails";

TEST_F(Facts, RhfFollowsRelationHeadAndTail) {
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relation: father", kAskHeads}, "Ann Lee"},
            {{"Relation: spouse", kAskHeads}, "Bob"},
            {{"Relation: father", "Head: Ann Lee"}, "Cid"},
            {{"Relation: spouse", "Head: Bob"}, "Ann Lee"}};
  const Document out = run(family_);
  EXPECT_EQ(as_set(triples(out)), (std::set<std::string>{"Ann Lee|father|Cid", "Bob|spouse|Ann Lee",
                                                         "Ann Lee|spouse|Bob"}));
  EXPECT_EQ(counts_.questions, 5);
  ASSERT_EQ(out.meta["derived"].size(), 1u);
  const auto derived = out.meta["derived"][0].get<size_t>();
  EXPECT_EQ(triples(out)[derived], "Ann Lee|spouse|Bob");
  // Entities have all their places.
  for (const data::Entity& entity : out.entities) {
    EXPECT_EQ(entity.mentions, data::find_occurrences(out.text, entity.text));
    EXPECT_EQ(entity.type, entity.text == "Bob" ? "" : "PER");
  }
}

TEST_F(Facts, EvidenceIsWhereBothAreMentionedOrNearest) {
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relation: father", kAskHeads}, "Ann Lee"},
            {{"Relation: spouse", kAskHeads}, "Ann Lee"},
            {{"Relation: father", "Head: Ann Lee"}, "Cid"},
            {{"Relation: spouse", "Head: Ann Lee"}, "Bob"}};
  const Document out = run(family_);
  const auto evidence = [&](const std::string& type) {
    Strings texts;
    for (const Relation& relation : out.relations) {
      if (relation.type != type) continue;
      for (const auto& range : relation.evidence) {
        texts.push_back(out.text.substr(range.begin, range.end - range.begin));
      }
      break;
    }
    return texts;
  };
  EXPECT_EQ(evidence("R:spouse"), Strings{"Ann Lee wed Bob in May."});
  EXPECT_EQ(evidence("R:father"), (Strings{"Ann Lee wed Bob in May.", "Ann's father is Cid."}));
}

TEST_F(Facts, WhatIsImpliedOneWayFollowsOneWay) {
  for (const auto& [name, implies] : {std::pair("child", ""), {"mother", "R:child"}}) {
    data::RelationType type;
    type.id = std::string("R:") + name;
    type.name = type.description = name;
    type.implies_inverse = implies;
    extractor_.schema.relation_types.push_back(type);
  }
  extractor_.schema.relation_types[0].implies_inverse = "R:child";
  // Both parents, of whom one is told by the child too.
  rules_ = {{{kAskRelations}, "father\nmother\nchild"},
            {{"Relation: father", kAskHeads}, "Ann Lee"},
            {{"Relation: mother", kAskHeads}, "Ann Lee"},
            {{"Relation: child", kAskHeads}, "Bob\nRome"},
            {{"Relation: father", "Head: Ann Lee"}, "Bob"},
            {{"Relation: mother", "Head: Ann Lee"}, "Cid"},
            {{"Relation: child", "Head: Bob"}, "Ann Lee"},
            {{"Relation: child", "Head: Rome"}, "Cid"}};
  const Document out = run(family_);
  const Strings names = triples(out);
  EXPECT_EQ(as_set(names),
            (std::set<std::string>{"Ann Lee|father|Bob", "Ann Lee|mother|Cid", "Bob|child|Ann Lee",
                                   "Rome|child|Cid", "Cid|child|Ann Lee"}));
  EXPECT_EQ(names.size(), 5u);
  ASSERT_EQ(out.meta["derived"].size(), 1u);
  EXPECT_EQ(names[out.meta["derived"][0].get<size_t>()], "Cid|child|Ann Lee");
  std::map<std::string, double> scores;
  for (size_t i = 0; i < names.size(); ++i) scores[names[i]] = out.relations[i].score.value();
  EXPECT_EQ(scores["Cid|child|Ann Lee"], scores["Ann Lee|mother|Cid"]);
  EXPECT_GE(scores["Bob|child|Ann Lee"], scores["Ann Lee|father|Bob"]);
  options_.closure = false;
  EXPECT_EQ(triples(run(family_)).size(), 4u);
}

// father(a, b) gives child(b, a), whose own inverse gives parent(a, b): each as probable as the
// surest that it follows from, whatever was found first.
TEST(AddDerived, FollowsWhatFollows) {
  data::Schema family;
  for (const char* id : {"father", "child", "parent"}) {
    family.relation_types.emplace_back().id = id;
  }
  family.relation_types[0].implies_inverse = "child";
  family.relation_types[1].inverse = "parent";
  family.relation_types[2].inverse = "child";
  for (const bool turned : {false, true}) {
    Document document = make_document("d", "Ann and Bob.", {"Ann", "Bob"});
    document.relations = {{0, 1, "father", 0.75, {}}, {1, 0, "child", 0.25, {}}};
    if (turned) std::swap(document.relations[0], document.relations[1]);
    add_derived(document, family);
    ASSERT_EQ(document.relations.size(), 3u);
    EXPECT_EQ(document.relations[2].type, "parent");
    for (const data::Relation& relation : document.relations) EXPECT_EQ(relation.score, 0.75);
    EXPECT_EQ(document.meta["derived"], Json::array({2}));
  }
  Document child = make_document("d", "Ann and Bob.", {"Ann", "Bob"});
  child.relations = {{1, 0, "child", {}, {}}};
  add_derived(child, family);
  ASSERT_EQ(child.relations.size(), 2u) << "a child says nothing of a father";
  EXPECT_EQ(child.relations[1].type, "parent");
}

// The fake engine gives the first token of an answer -0.5 and all others 0: each of the three
// answers on the way counts once; second items of a list cost nothing more.
TEST_F(Facts, ScoresAreProductsAlongTheWay) {
  options_.closure = false;
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relation: father", kAskHeads}, "Ann Lee\nBob"},
            {{"Relation: spouse", kAskHeads}, "Ann Lee"},
            {{"Relation: father", "Head: "}, "Cid"},
            {{"Relation: spouse", "Head: Ann Lee"}, "Cid\nBob"}};
  const Document out = run(family_);
  std::map<std::string, double> scores;
  const Strings names = triples(out);
  for (size_t i = 0; i < names.size(); ++i) scores[names[i]] = out.relations[i].score.value();
  EXPECT_NEAR(scores["Ann Lee|father|Cid"], std::exp(-1.5), 1e-12);
  EXPECT_NEAR(scores["Bob|father|Cid"], std::exp(-1.0), 1e-12);
  EXPECT_NEAR(scores["Ann Lee|spouse|Cid"], std::exp(-1.0), 1e-12);
  EXPECT_NEAR(scores["Ann Lee|spouse|Bob"], std::exp(-0.5), 1e-12);
  EXPECT_EQ(names[0], "Ann Lee|spouse|Bob");  // best first
  options_.min_score = 0.5;
  EXPECT_EQ(triples(run(family_)), Strings{"Ann Lee|spouse|Bob"});
  options_.min_score = 0;
  extractor_.config.thresholds["fact"] = 0.9;
  EXPECT_EQ(triples(run(family_)), Strings{"Ann Lee|spouse|Bob"});
}

TEST_F(Facts, ACalibrationMapsScoresAndGivesTheThreshold) {
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relation: father", kAskHeads}, "Ann Lee"},
            {{"Relation: spouse", kAskHeads}, "Ann Lee"},
            {{"Relation: father", "Head: Ann Lee"}, "Cid"},
            {{"Relation: spouse", "Head: Ann Lee"}, "Bob"}};
  options_.closure = false;
  extractor_.calibration.emplace();
  extractor_.calibration->method = "isotonic";
  extractor_.calibration->scores = {0.3, 0.4};  // e^-1.5 is below, e^-1 between
  extractor_.calibration->probabilities = {0.2, 0.6};
  const Document out = run(family_);
  ASSERT_EQ(triples(out), (Strings{"Ann Lee|spouse|Bob", "Ann Lee|father|Cid"}));
  EXPECT_NEAR(out.relations[0].score.value(), 0.2 + (std::exp(-1.0) - 0.3) * 4, 1e-12);
  EXPECT_EQ(out.relations[1].score.value(), 0.2);
  extractor_.calibration->threshold = 0.3;
  EXPECT_EQ(triples(run(family_)), Strings{"Ann Lee|spouse|Bob"});
  options_.min_score = 0.0;
  EXPECT_EQ(triples(run(family_)).size(), 2u);
}

TEST_F(Facts, StepsAreOneCallForAllDocuments) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::vector<Document> documents = {make_document("a", "Ann and Bob.", {}),
                                           make_document("b", "Bob and Ann.", {}),
                                           make_document("blank", " \n ", {})};
  const auto out =
      extract_facts(extractor_, engine_, compiler_, documents, options_, &counts_).value();
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(triples(out[0]), Strings{"Ann|father|Bob"});
  EXPECT_EQ(triples(out[1]), Strings{"Ann|father|Bob"});
  EXPECT_TRUE(out[2].relations.empty());
  EXPECT_EQ(counts_.questions, 6);
  ASSERT_EQ(engine_.generated.size(), 6u);
  for (size_t i = 0; i < 6; i += 2) {  // both documents, then the next step
    EXPECT_NE(engine_.bytes->decode(engine_.generated[i].prompt, true).find("Ann and Bob"),
              std::string::npos);
    EXPECT_NE(engine_.bytes->decode(engine_.generated[i + 1].prompt, true).find("Bob and Ann"),
              std::string::npos);
  }
}

TEST_F(Facts, WhatIsNotInTheTextOrTheFormIsNoted) {
  options_.decode = "free";
  rules_ = {
      {{kAskRelations}, " father\nwidow\n"}, {{kAskHeads}, "Ann Lee\nZoe"}, {{kAskTails}, "Cid"}};
  const Document out = run(family_);
  EXPECT_EQ(triples(out), Strings{"Ann Lee|father|Cid"});
  ASSERT_EQ(out.meta["unparsed"].size(), 2u);
  EXPECT_NE(out.meta["unparsed"][0]["problem"].get<std::string>().find("widow"), std::string::npos);
  EXPECT_NE(out.meta["unparsed"][1]["problem"].get<std::string>().find("Zoe"), std::string::npos);
  EXPECT_EQ(out.meta["unparsed"][1]["relation"], "R:father");
  EXPECT_FALSE(engine_.generated[0].constraint);
}

TEST_F(Facts, OtherPipelinesFindTheSame) {
  options_.closure = false;
  use("df");
  rules_ = {{{"What facts"}, "father | Ann Lee | Cid\nspouse | Ann Lee | Bob"}};
  const Strings both = {"Ann Lee|father|Cid", "Ann Lee|spouse|Bob"};
  EXPECT_EQ(as_set(triples(run(family_))), as_set(both));
  use("drsf");
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relations: father, spouse"},
             "father | Ann Lee | Cid\nspouse | Ann Lee | Bob\ncapital | Ann Lee | Bob"}};
  const Document drsf = run(family_);
  EXPECT_EQ(as_set(triples(drsf)), as_set(both));
  ASSERT_EQ(drsf.meta["unparsed"].size(), 1u);  // capital was not asked about
  for (const Relation& relation : drsf.relations) {
    const double ways = relation.type == "R:father" ? 1.0 : 0.0;  // first items
    EXPECT_NEAR(relation.score.value(), std::exp(-0.5 * 2 * ways), 1e-12);
  }
  use("drf");
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relation: father"}, "Ann Lee | Cid"},
            {{"Relation: spouse"}, "Ann Lee | Bob\nBob | Bob"}};
  EXPECT_EQ(as_set(triples(run(family_))), as_set(both));
  use("eprsr");
  rules_ = {{{"Which pairs"}, "Ann Lee | Cid\nAnn Lee | Bob"},
            {{"Head: Ann Lee\nTail: Cid"}, "father"},
            {{"Head: Ann Lee\nTail: Bob"}, "spouse"}};
  EXPECT_EQ(as_set(triples(run(family_))), as_set(both));
}

TEST_F(Facts, RelationsCanBeScoredOneByOne) {
  use("rhf", "score");
  engine_.score_of = [](const std::string& prompt, const std::string& answer) {
    const bool father = prompt.find("Relation: father") != std::string::npos;
    return std::log(father == (answer == "yes") ? 0.8 : 0.2);
  };
  rules_ = {{{"Relation: father", kAskHeads}, "Ann Lee"},
            {{"Relation: father", "Head: Ann Lee"}, "Cid"}};
  const Document out = run(family_);
  EXPECT_EQ(engine_.asked.size(), 4u);
  EXPECT_EQ(triples(out), Strings{"Ann Lee|father|Cid"});
  EXPECT_NEAR(out.relations[0].score.value(), 0.8 * std::exp(-1.0), 1e-12);
  extractor_.config.thresholds["relation"] = 0.1;  // now all are asked about
  counts_ = {};
  run(family_);
  EXPECT_EQ(counts_.questions, 4 + 4 + 1);
}

TEST_F(Facts, ConstraintsAreTheSchemaAndTheTextsSpans) {
  rules_ = {{{kAskRelations}, "father\nspouse"},
            {{"Relation: ", kAskHeads}, "Ann Lee"},
            {{"Relation: ", "Head: Ann Lee"}, "Cid"}};
  run(family_);
  const auto shape = [&](size_t request) {
    return std::dynamic_pointer_cast<const SeenShape>(engine_.generated[request].constraint);
  };
  ASSERT_EQ(engine_.generated.size(), 5u);
  using Kind = generate::AnswerField::Kind;
  ASSERT_EQ(shape(0)->shape.item.size(), 1u);
  EXPECT_EQ(shape(0)->shape.item[0].kind, Kind::Choice);
  EXPECT_EQ(shape(0)->shape.item[0].choices,
            (Strings{"father", "spouse", "capital", "capital of"}));
  EXPECT_EQ(shape(0)->shape.nothing, "none");
  EXPECT_FALSE(shape(0)->spans);
  EXPECT_EQ(shape(1)->shape.item[0].kind, Kind::Span);
  EXPECT_TRUE(shape(1)->spans);
  EXPECT_EQ(shape(1), shape(2));      // one constraint for all relations' heads
  EXPECT_EQ(compiler_->compiled, 4);  // the first to see that all names can be written
}

TEST_F(Facts, GivenEntitiesAreWhatIsChosenFrom) {
  Document document = make_document("d", family_.text, {"Ann Lee", "Bob", "Cid", "Rome"});
  for (size_t i = 0; i < 4; ++i) document.entities[i].type = i < 3 ? "PER" : "LOC";
  document.entities[0].mentions.push_back({35, 38});
  rules_ = {
      {{kAskRelations}, "father"}, {{kAskHeads}, "Ann Lee\nRome"}, {{"Head: Ann Lee"}, "Cid"}};
  const Document out = run(document);
  EXPECT_EQ(out.entities.size(), 4u);
  EXPECT_EQ(out.entities[0].mentions.size(), 2u);
  EXPECT_EQ(triples(out), Strings{"Ann Lee|father|Cid"});
  EXPECT_EQ(out.meta["unparsed"].size(), 1u);  // Rome is no person
  const auto heads =
      std::dynamic_pointer_cast<const SeenShape>(engine_.generated[1].constraint)->shape.item[0];
  EXPECT_EQ(heads.choices, (Strings{"Ann Lee", "Bob", "Cid"}));
  const auto tails =
      std::dynamic_pointer_cast<const SeenShape>(engine_.generated[2].constraint)->shape.item[0];
  EXPECT_EQ(tails.choices, (Strings{"Bob", "Cid"}));
  options_.use_entities = false;
  EXPECT_EQ(triples(run(document)), Strings{"Ann Lee|father|Cid"});
}

TEST_F(Facts, InverseRelationsFollow) {
  rules_ = {{{kAskRelations}, "capital"}, {{kAskHeads}, "Cid"}, {{kAskTails}, "Rome"}};
  const Document out = run(family_);
  EXPECT_EQ(triples(out), (Strings{"Cid|capital|Rome", "Rome|capital of|Cid"}));
  EXPECT_EQ(out.relations[0].score, out.relations[1].score);
  options_.closure = false;
  EXPECT_EQ(triples(run(family_)), Strings{"Cid|capital|Rome"});
}

TEST_F(Facts, NamesInsideLongerNamesAreNoMentions) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Ann"}};
  const Document out = run(family_);
  ASSERT_EQ(out.entities.size(), 2u);
  EXPECT_EQ(out.entities[0].text, "Ann Lee");
  EXPECT_EQ(out.entities[1].mentions.size(), 1u);
  EXPECT_EQ(out.entities[1].mentions[0].begin, family_.text.find("Ann's"));
}

// The later item is the more probable one of this engine.
TEST_F(Facts, OtherBordersOfAFactCanBeTheSameFact) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann Lee\nAnn\nBob"}, {{kAskTails}, "Cid"}};
  EXPECT_EQ(as_set(triples(run(family_))),
            (std::set<std::string>{"Ann Lee|father|Cid", "Ann|father|Cid", "Bob|father|Cid"}));
  extractor_.config.drop_overlapping = true;
  EXPECT_EQ(as_set(triples(run(family_))),
            (std::set<std::string>{"Ann|father|Cid", "Bob|father|Cid"}));
  rules_[1].second = "Ann\nAnn Lee\nBob";
  EXPECT_EQ(as_set(triples(run(family_))),
            (std::set<std::string>{"Ann Lee|father|Cid", "Bob|father|Cid"}));
}

// A text in which "Ann Lee" and "Cid" are names often enough to be learned.
std::shared_ptr<const NameModel> names_of_the_family() {
  std::vector<Document> documents;
  for (int i = 0; i < 30; ++i) {
    const std::string text = "Ann Lee met Cid on day " + std::to_string(i) + " of May.";
    documents.push_back(make_document("d", text, {}));
    for (const char* name : {"Ann Lee", "Cid"}) {
      data::Entity entity;
      entity.text = name;
      entity.type = "PER";
      entity.mentions = data::find_mentions(text, name);
      documents.back().entities.push_back(std::move(entity));
    }
  }
  return NameModel::learn(documents);
}

// Of "Ann Lee" and "Ann", which the engine finds the more probable, names tell the right one.
TEST_F(Facts, NamesDecideBetweenBordersAndGiveTypes) {
  options_.closure = false;
  rules_ = {{{kAskRelations}, "spouse"}, {{kAskHeads}, "Ann Lee\nAnn"}, {{kAskTails}, "Cid"}};
  extractor_.config.drop_overlapping = true;
  const Document without = run(family_);
  EXPECT_EQ(triples(without), Strings{"Ann|spouse|Cid"});
  EXPECT_EQ(without.entities[0].type, "");
  extractor_.names = names_of_the_family();
  ASSERT_NE(extractor_.names, nullptr);
  const Document with = run(family_);
  EXPECT_EQ(triples(with), Strings{"Ann Lee|spouse|Cid"});
  EXPECT_EQ(with.entities[0].type, "PER");
  EXPECT_LT(with.relations[0].score.value(), 1.0);
}

TEST_F(Facts, GivenNamesAreFoundAcrossALineBreak) {
  options_.closure = false;
  rules_ = {{{kAskRelations}, "spouse"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Cid"}};
  Document given = family_;
  given.text[given.text.find("Ann Lee") + 3] = '\n';
  for (const char* name : {"Ann Lee", "Cid"}) {
    data::Entity entity;
    entity.id = entity.text = name;
    given.entities.push_back(entity);
  }
  const Document out = run(given);
  EXPECT_EQ(triples(out), Strings{"Ann Lee|spouse|Cid"});
  EXPECT_EQ(out.text, given.text);
  EXPECT_TRUE(out.entities[0].mentions.empty());
}

TEST_F(Facts, NamesGiveTypesOfTheSchemaOnly) {
  options_.closure = false;
  rules_ = {{{kAskRelations}, "spouse"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Cid"}};
  extractor_.names = names_of_the_family();
  ASSERT_NE(extractor_.names, nullptr);
  extractor_.schema.entity_types = {{"ORG", "ORG", ""}};
  EXPECT_EQ(run(family_).entities[0].type, "");
  extractor_.schema.entity_types.push_back({"PER", "PER", ""});
  EXPECT_EQ(run(family_).entities[0].type, "PER");
}

TEST_F(Facts, NamesAreNotAskedOfGivenEntities) {
  options_.closure = false;
  rules_ = {{{kAskRelations}, "spouse"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Cid"}};
  Document given = family_;
  for (const char* name : {"Ann Lee", "Cid"}) {
    data::Entity entity;
    entity.id = entity.text = name;
    given.entities.push_back(entity);
  }
  const double score = run(given).relations[0].score.value();
  extractor_.names = names_of_the_family();
  EXPECT_EQ(run(given).relations[0].score.value(), score);
}

TEST_F(Facts, LongDocumentsAreReadInWindows) {
  Document document = family_;
  std::string middle;
  for (int i = 0; i < 60; ++i) middle += " Nothing happened on day " + std::to_string(i) + ".";
  document.text = family_.text + middle + " Dan's father is Eve.";
  engine_.most_tokens = 1500;
  rules_ = {
      {{"Dan", kAskRelations}, "father"}, {{kAskRelations}, "father"}, {{"Dan", kAskHeads}, "Dan"},
      {{"Ann", kAskHeads}, "Ann Lee"},    {{"Head: Dan"}, "Eve"},      {{"Head: Ann Lee"}, "Cid"}};
  const Document out = run(document);
  EXPECT_GT(counts_.texts, 2);
  EXPECT_EQ(as_set(triples(out)), (std::set<std::string>{"Ann Lee|father|Cid", "Dan|father|Eve"}));
  for (const data::Entity& entity : out.entities) {
    for (const auto& mention : entity.mentions) {
      EXPECT_EQ(out.text.substr(mention.begin, mention.end - mention.begin), entity.text);
    }
  }
  for (const auto& request : engine_.generated) {
    EXPECT_LE(static_cast<int>(request.prompt.size()) + request.max_new_tokens, 1500);
  }
}

TEST_F(Facts, AnswersCutOffLoseTheirLastItem) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann Lee\nBo"}, {{kAskTails}, "Cid"}};
  engine_.finish_of = [](const std::string& text) {
    return text == "Ann Lee\nBo" ? "length" : "eos";
  };
  const Document out = run(family_);
  EXPECT_EQ(triples(out), Strings{"Ann Lee|father|Cid"});
  EXPECT_NE(out.meta["unparsed"][0]["problem"].get<std::string>().find("cut off"),
            std::string::npos);
}

TEST_F(Facts, EnginesOfTextAnswerFreely) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Cid"}};
  engine_.form = generate::PromptForm::kUserTurn;
  engine_.silent = true;
  EXPECT_TRUE(extract_facts(extractor_, engine_, nullptr, {family_}, options_).ok());
  EXPECT_NE(engine_.generated.at(0).shape, nullptr);  // which a server may keep to
  options_.decode = "free";
  const Document out = run(family_);
  EXPECT_EQ(triples(out), Strings{"Ann Lee|father|Cid"});
  EXPECT_FALSE(out.relations[0].score.has_value());
}

TEST_F(Facts, AJournalKeepsFinishedDocuments) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::string folder = testing::TempDir() + "facts_journal";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(make_folders(folder).ok());
  const std::string path = folder + "/journal";
  std::vector<Document> documents = {make_document("a", "Ann and Bob.", {}),
                                     make_document("b", "Bob and Ann.", {})};
  options_.batch = 1;
  const auto run_all = [&] {
    return extract_fact_documents(extractor_, engine_, compiler_, documents, options_, path);
  };
  const auto all = run_all().value();
  EXPECT_EQ(triples(all[1]), Strings{"Ann|father|Bob"});
  EXPECT_EQ(all[0].meta["model"], "sha256:fake");
  const size_t asked = engine_.generated.size();
  EXPECT_EQ(asked, 6u);
  int64_t skipped = 0;
  options_.skipped = [&](int64_t count) { skipped += count; };
  const auto again = run_all().value();
  EXPECT_EQ(engine_.generated.size(), asked);
  EXPECT_EQ(skipped, 2);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(to_json_line(again[i]), to_json_line(all[i]));
  extractor_.config.thresholds["head"] = 0.1;
  EXPECT_FALSE(run_all().ok());  // other settings
  extractor_.config.thresholds.clear();
  documents[1].text = "Bob, not Ann.";
  EXPECT_EQ(run_all().value()[1].text, "Bob, not Ann.");
  EXPECT_EQ(engine_.generated.size(), asked + 3) << "the other one is taken from the journal";
  // Entities that are given now are chosen among: the answer in the journal was found without.
  documents[0].entities = {{"e0", "Ann", "", {{0, 3}}, {}}, {"e1", "Bob", "", {{8, 11}}, {}}};
  ASSERT_TRUE(run_all().ok());
  EXPECT_EQ(engine_.generated.size(), asked + 6);
}

TEST_F(Facts, ABatchIsAskedAboutAsAWhole) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::string folder = testing::TempDir() + "facts_batches";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(make_folders(folder).ok());
  const std::vector<Document> documents = {
      make_document("a", "Ann and Bob.", {}), make_document("b", "Bob and Ann.", {}),
      make_document("c", "Ann or Bob.", {}), make_document("d", "Bob or Ann.", {})};
  options_.batch = 2;
  options_.decode = "free";
  for (const auto form : {generate::PromptForm::kIds, generate::PromptForm::kUserTurn}) {
    const bool here = form == generate::PromptForm::kIds;
    const std::string path = folder + (here ? "/model" : "/server");
    engine_.form = form;
    const auto run_all = [&] {
      engine_.generated.clear();
      engine_.forgotten = 0;
      return extract_fact_documents(extractor_, engine_, nullptr, documents, options_, path)
          .value();
    };
    const auto whole = run_all();
    EXPECT_EQ(engine_.generated.size(), 12u);
    EXPECT_EQ(engine_.forgotten, 2);
    Strings lines = Journal::open(path).value().lines();
    std::filesystem::remove(path);
    {
      Journal begun = Journal::open(path).value();
      // The header, a, c and d: what the first batch's results were before they were all written.
      for (const size_t i : {0, 1, 3, 4}) ASSERT_TRUE(begun.append(lines.at(i)).ok());
    }
    const auto resumed = run_all();
    EXPECT_EQ(engine_.generated.size(), here ? 6u : 3u);
    EXPECT_EQ(engine_.forgotten, 1);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(to_json_line(resumed[i]), to_json_line(whole[i]));
    EXPECT_EQ(Journal::open(path).value().lines().size(), 5u);
  }
}

// Two documents at once, then nothing for a while, as a pipe has it.
class PausingDocuments : public data::DocumentSource {
 public:
  explicit PausingDocuments(const std::vector<Document>& documents) : documents_(documents) {}
  Result<std::optional<Document>> next() override {
    if (next_ == documents_.size()) return std::optional<Document>();
    return std::optional<Document>(documents_[next_++]);
  }
  Result<bool> ready() override { return next_ % 2 == 1; }
  size_t given() const { return next_; }

 private:
  const std::vector<Document>& documents_;
  size_t next_ = 0;
};

TEST_F(Facts, ResultsDoNotWaitForDocumentsToCome) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::vector<Document> documents(5, make_document("a", "Ann and Bob.", {}));
  options_.batch = 4;
  const std::string path = testing::TempDir() + "facts_pauses";
  std::filesystem::remove(path);
  for (const std::string& journal : {std::string(), path}) {
    PausingDocuments source(documents);
    std::vector<size_t> given;  // when each result came
    const auto take = [&](Document document) -> Status {
      EXPECT_EQ(triples(document), Strings{"Ann|father|Bob"});
      given.push_back(source.given());
      return {};
    };
    ASSERT_TRUE(
        extract_fact_documents(extractor_, engine_, compiler_, options_, {source, journal, take})
            .ok());
    // With a journal batches are those of a run that waits for nothing.
    EXPECT_EQ(given, journal.empty() ? (std::vector<size_t>{2, 2, 4, 4, 5})
                                     : (std::vector<size_t>{4, 4, 4, 4, 5}));
  }
  PausingDocuments source(documents);
  const auto refuse = [](const Document&) -> Status { return resource_error("full"); };
  const Status status =
      extract_fact_documents(extractor_, engine_, compiler_, options_, {source, "", refuse});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "full");
  EXPECT_EQ(source.given(), 2u);
  std::filesystem::remove(path);
}

TEST_F(Facts, StepsUseTheirAdapters) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Cid"}};
  run(family_);
  for (const auto& request : engine_.generated) EXPECT_EQ(request.adapter, "");
  engine_.generated.clear();
  extractor_.config.adapters = {{"relation", "a"}, {"head", "b"}, {"fact", "c"}};
  run(family_);
  Strings used;
  for (const auto& request : engine_.generated) used.push_back(request.adapter);
  EXPECT_EQ(used, (Strings{"relation", "head", "fact"}));
}

}  // namespace
}  // namespace relata::extract
