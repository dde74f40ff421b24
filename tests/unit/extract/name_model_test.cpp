#include "relata/extract/name_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "names/names_in_text.h"

namespace relata::extract {
namespace {

using data::Document;

struct Named {
  std::string name;
  std::string type;
};

Document document_of(const std::string& text, const std::vector<Named>& names) {
  Document out;
  out.text = text;
  for (const Named& named : names) {
    data::Entity entity;
    entity.text = named.name;
    entity.type = named.type;
    entity.mentions = data::find_mentions(text, named.name);
    EXPECT_FALSE(entity.mentions.empty()) << named.name;
    out.entities.push_back(entity);
  }
  return out;
}

// People with first and last names, who studied in towns of one or two words in some year.
std::vector<Document> lives() {
  const std::array people = {"Ann Lee", "Bob Tarn", "Cid Moss", "Dora Lund", "Eve Hale"};
  const std::array towns = {"Rome", "New York", "Oslo", "Port Louis", "Bonn"};
  const std::array years = {"1901", "1954", "1877", "1990", "2003"};
  std::vector<Document> out;
  for (size_t p = 0; p < people.size(); ++p) {
    for (size_t t = 0; t < towns.size(); ++t) {
      const std::string person = people.at(p);
      const std::string town = towns.at(t);
      const std::string year = years.at((p + t) % years.size());
      out.push_back(document_of(person + " moved to " + town + " in " + year +
                                    " , and studied at home . " + person + " liked it there .",
                                {{person, "PER"}, {town, "LOC"}, {year, "TIME"}}));
    }
  }
  return out;
}

data::RelationType lives_in() {
  data::RelationType type;
  type.id = type.name = "lives in";
  type.head_types = {"PER"};
  type.tail_types = {"LOC"};
  return type;
}

TEST(NameModel, KnowsBordersAndTypesOfNewNames) {
  const auto model = NameModel::learn(lives());
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->types(), (std::vector<std::string>{"LOC", "PER", "TIME"}));
  const std::string text = "Finn Holm moved to San Marino in 1960 , and studied at night .";
  NamesInText names(*model, text);
  for (const char* right : {"Finn Holm", "San Marino", "1960"}) {
    EXPECT_GT(names.guess(right).is_name, 0.5) << right;
  }
  for (const char* wrong :
       {"Finn Holm moved", "Finn", "San Marino in 1960", "1960 , and studied"}) {
    EXPECT_LT(names.guess(wrong).is_name, 0.5) << wrong;
  }
  EXPECT_EQ(names.type_of("Finn Holm", {}), "PER");
  EXPECT_EQ(names.type_of("San Marino", {}), "LOC");
  EXPECT_EQ(names.type_of("1960", {}), "TIME");
  EXPECT_EQ(names.type_of("San Marino", {"PER", "TIME"}).empty(), false);
  EXPECT_NE(names.type_of("San Marino", {"PER", "TIME"}), "LOC");
}

TEST(NameModel, FactsOfWrongBordersOrTypesFitWorse) {
  const auto model = NameModel::learn(lives());
  const std::string text = "Finn Holm moved to San Marino in 1960 , and studied at night .";
  NamesInText names(*model, text);
  const double right = names.fit(lives_in(), "Finn Holm", "San Marino");
  EXPECT_LE(right, 0.0);
  EXPECT_GT(right, names.fit(lives_in(), "Finn Holm", "San Marino in 1960"));
  EXPECT_GT(right, names.fit(lives_in(), "San Marino", "Finn Holm"));
  EXPECT_GT(right, names.fit(lives_in(), "Finn Holm", "1960"));
  data::RelationType any = lives_in();
  any.head_types.clear();
  any.tail_types.clear();
  EXPECT_NEAR(names.fit(any, "San Marino", "Finn Holm"), names.fit(any, "Finn Holm", "San Marino"),
              1e-12);
}

TEST(NameModel, SpacingDoesNotMatter) {
  const auto model = NameModel::learn(lives());
  const std::string loose = "Finn Holm moved to Oslo , Bonn and Rome .";
  const std::string tight = "Finn Holm moved to Oslo, Bonn and Rome.";
  NamesInText in_loose(*model, loose);
  NamesInText in_tight(*model, tight);
  for (const char* name : {"Finn Holm", "Oslo", "Rome"}) {
    EXPECT_EQ(in_loose.guess(name).is_name, in_tight.guess(name).is_name) << name;
    EXPECT_EQ(in_loose.guess(name).types, in_tight.guess(name).types) << name;
  }
}

TEST(NameModel, ATitleIsNoNeighbour) {
  const auto model = NameModel::learn(lives());
  const std::string text = "Finn Holm\n\nFinn Holm moved to Oslo in 1960 .";
  const std::string body = "Finn Holm moved to Oslo in 1960 .";
  NamesInText names(*model, text);
  NamesInText alone(*model, body);
  EXPECT_GE(names.guess("Finn Holm").is_name, alone.guess("Finn Holm").is_name);
}

// Scripts without spaces: each character is a word of its own.
TEST(NameModel, ReadsChinese) {
  std::vector<Document> documents;
  for (const char* person : {"李明", "王芳", "张伟", "赵静", "陈强", "周梅"}) {
    for (const char* town : {"北京", "上海", "南京", "西安", "大连"}) {
      documents.push_back(document_of(std::string(person) + "在" + town + "工作。",
                                      {{person, "人物"}, {town, "地点"}}));
    }
  }
  const auto model = NameModel::learn(documents);
  ASSERT_NE(model, nullptr);
  const std::string text = "刘洋在天津工作。";
  NamesInText names(*model, text);
  EXPECT_GT(names.guess("刘洋").is_name, 0.5);
  EXPECT_LT(names.guess("刘洋在").is_name, 0.5);
  EXPECT_EQ(names.type_of("天津", {}), "地点");
}

// A schema that the model was not trained for: its types are no reason against a fact.
TEST(NameModel, TypesThatItDoesNotKnowAreNotCounted) {
  const auto model = NameModel::learn(lives());
  const std::string text = "Finn Holm moved to San Marino in 1960 , and studied at night .";
  NamesInText names(*model, text);
  data::RelationType any = lives_in();
  any.head_types.clear();
  any.tail_types.clear();
  data::RelationType foreign = lives_in();
  foreign.head_types = {"Device"};
  foreign.tail_types = {"Disease", "LOC"};
  EXPECT_EQ(names.fit(foreign, "Finn Holm", "San Marino"),
            names.fit(any, "Finn Holm", "San Marino"));
  EXPECT_LT(names.fit(lives_in(), "San Marino", "Finn Holm"),
            names.fit(any, "San Marino", "Finn Holm"));
  EXPECT_EQ(names.type_of("San Marino", {"Disease", "LOC"}), "LOC");
  EXPECT_EQ(names.type_of("San Marino", {"Disease", "PER"}), "");
  EXPECT_EQ(names.type_of("San Marino", {"Disease"}), "");
}

// Data of one pair a document: the same text, each time with other entities.
TEST(NameModel, DocumentsOfOneTextAreOne) {
  std::vector<Document> parted;
  for (const Document& document : lives()) {
    for (const data::Entity& entity : document.entities) {
      Document one = document;
      one.entities = {entity};
      parted.push_back(std::move(one));
    }
    parted.push_back(document);
    parted.back().entities.clear();
  }
  const auto model = NameModel::learn(parted);
  ASSERT_NE(model, nullptr);
  const std::string text = "Finn Holm moved to San Marino in 1960 , and studied at night .";
  NamesInText names(*model, text);
  for (const char* right : {"Finn Holm", "San Marino", "1960"}) {
    EXPECT_GT(names.guess(right).is_name, 0.5) << right;
  }
}

// Thousands of types, as open annotations have: the rarest are not told apart.
TEST(NameModel, RareTypesAreOneWhereThereAreMany) {
  std::vector<Document> documents = lives();
  for (int i = 0; i < 100; ++i) {
    const std::string name = "Thing" + std::to_string(i);
    documents.push_back(document_of(name + " is here .", {{name, "TYPE" + std::to_string(i)}}));
  }
  const auto model = NameModel::learn(documents);
  ASSERT_NE(model, nullptr);
  EXPECT_LE(model->types().size(), 41U);
  EXPECT_EQ(model->types().front(), "");
  for (const char* type : {"LOC", "PER", "TIME"}) {
    EXPECT_NE(std::find(model->types().begin(), model->types().end(), type), model->types().end());
  }
  EXPECT_TRUE(NameModel::from_json(model->to_json(), "names.json").ok());
}

// Particles and endings that are written with a name: words cannot tell where it ends.
TEST(NameModel, NamesInsideWordsAreNotLearned) {
  std::vector<Document> documents = lives();
  for (int i = 0; i < 20; ++i) {
    documents.push_back(document_of("서울은 " + std::to_string(i) + " 크다 .", {{"서울", "LOC"}}));
  }
  EXPECT_EQ(NameModel::learn(documents), nullptr);
}

TEST(NameModel, BlanksAroundMentionsAreNotOfThem) {
  std::vector<Document> documents = lives();
  for (Document& document : documents) {
    for (data::Entity& entity : document.entities) {
      for (text::ByteRange& mention : entity.mentions) ++mention.end;  // the blank behind it
    }
  }
  const auto model = NameModel::learn(documents);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->to_json(), NameModel::learn(lives())->to_json());
}

TEST(NameModel, MarksBelongToWhatTheyStandOn) {
  const auto model = NameModel::learn(lives());
  const std::string plain = "\u2764 Finn Holm moved to Oslo .";
  const std::string marked = "\u2764\uFE0FFinn Holm moved to Oslo .";
  NamesInText in_plain(*model, plain);
  NamesInText in_marked(*model, marked);
  EXPECT_GT(in_marked.guess("Finn Holm").is_name, 0.5);
  EXPECT_EQ(in_marked.guess("Oslo").is_name, in_plain.guess("Oslo").is_name);
  const std::string accent = "Ann Lee met Rene\u0301 .";
  NamesInText in_accent(*model, accent);
  EXPECT_EQ(in_accent.guess("Rene").is_name, 0.0);
  EXPECT_GT(in_accent.guess("Rene\u0301").is_name, 0.0);
}

TEST(NameModel, WhatStandsNowhereIsNoName) {
  const auto model = NameModel::learn(lives());
  const std::string text = "Ann Lee moved .";
  NamesInText names(*model, text);
  EXPECT_EQ(names.guess("Oslo").is_name, 0.0);
  EXPECT_EQ(names.type_of("Oslo", {}), "");
  const std::string nothing;
  NamesInText none(*model, nothing);
  EXPECT_EQ(none.guess("Ann").is_name, 0.0);
}

TEST(NameModel, TooFewMentionsTeachNothing) {
  EXPECT_EQ(NameModel::learn({}), nullptr);
  EXPECT_EQ(NameModel::learn({document_of("Ann Lee moved .", {{"Ann Lee", "PER"}})}), nullptr);
}

TEST(NameModel, IsTheSameAgainAndFromItsFile) {
  const auto model = NameModel::learn(lives());
  EXPECT_EQ(model->to_json(), NameModel::learn(lives())->to_json());
  const Json json = model->to_json();
  const auto read = NameModel::from_json(Json::parse(json.dump()), "names.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->to_json(), json);
}

TEST(NameModel, DamagedFilesAreRefused) {
  const Json good = NameModel::learn(lives())->to_json();
  const auto refused = [&](const char* member, const Json& value) {
    Json json = good;
    json[member] = value;
    return !NameModel::from_json(json, "names.json").ok();
  };
  EXPECT_TRUE(refused("weights", good["weights"].get<std::string>().substr(1)));
  EXPECT_TRUE(refused("weights", std::string(good["weights"].get<std::string>().size(), '~')));
  EXPECT_TRUE(refused("weights", Json::array()));
  EXPECT_TRUE(refused("scales", {1.0, 2.0}));
  EXPECT_TRUE(refused("scales", {1.0, 2.0, 3.0, "4"}));
  EXPECT_TRUE(refused("types", {"PER"}));
  EXPECT_TRUE(refused("types", {1, 2, 3}));
  EXPECT_TRUE(refused("format_version", 2));
  EXPECT_TRUE(refused("other", 1));
  EXPECT_FALSE(NameModel::from_json(Json::array(), "names.json").ok());
  Json newer = good;
  newer["format_version"] = 2;
  newer["other"] = 1;
  const auto read = NameModel::from_json(newer, "names.json");
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message.find("format_version 2"), std::string::npos);
}

}  // namespace
}  // namespace relata::extract
