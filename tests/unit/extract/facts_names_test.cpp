#include <gtest/gtest.h>

#include "facts_fixture.h"
#include "relata/extract/name_model.h"

namespace relata::extract {
namespace {

using data::Document;
using facts_fixture::Facts;
using facts_fixture::kAskHeads;
using facts_fixture::kAskRelations;
using facts_fixture::kAskTails;
using facts_fixture::Strings;

class FactNames : public Facts {};

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
TEST_F(FactNames, NamesDecideBetweenBordersAndGiveTypes) {
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

TEST_F(FactNames, GivenNamesAreFoundAcrossALineBreak) {
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

TEST_F(FactNames, NamesGiveTypesOfTheSchemaOnly) {
  options_.closure = false;
  rules_ = {{{kAskRelations}, "spouse"}, {{kAskHeads}, "Ann Lee"}, {{kAskTails}, "Cid"}};
  extractor_.names = names_of_the_family();
  ASSERT_NE(extractor_.names, nullptr);
  extractor_.schema.entity_types = {{"ORG", "ORG", ""}};
  EXPECT_EQ(run(family_).entities[0].type, "");
  extractor_.schema.entity_types.push_back({"PER", "PER", ""});
  EXPECT_EQ(run(family_).entities[0].type, "PER");
}

TEST_F(FactNames, NamesAreNotAskedOfGivenEntities) {
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

}  // namespace
}  // namespace relata::extract
