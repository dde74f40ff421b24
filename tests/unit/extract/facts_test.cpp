#include "relata/extract/facts.h"

#include <gtest/gtest.h>

#include <cmath>

#include "facts_fixture.h"
#include "steps/found_document.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Relation;
using facts_fixture::Facts;
using facts_fixture::kAskHeads;
using facts_fixture::kAskRelations;
using facts_fixture::kAskTails;
using facts_fixture::SeenShape;
using facts_fixture::Strings;

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
