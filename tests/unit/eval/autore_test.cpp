#include "relata/eval/autore.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../redocred_files.h"
#include "relata/base/file.h"

namespace relata::eval {
namespace {

using data::Document;

// A city with two names, and its mayor; "Oslo" also names a ship here.
Document city() {
  Document document;
  document.id = "d1";
  document.text = "Oslo , once Christiania , has the mayor Ann . The ship Oslo is hers .";
  document.entities = {{"e0", "Oslo", "LOC", {{0, 4}, {12, 23}}, {}},
                       {"e1", "Ann", "PER", {{40, 43}}, {"Ann Lee"}},
                       {"e2", "Oslo", "MISC", {{55, 59}}, {}}};
  document.relations = {{0, 1, "mayor", {}, {}}, {2, 1, "mayor", {}, {}}};
  return document;
}

Document answers(const std::vector<Triple>& triples) {
  Document document;
  document.id = "d1";
  for (const Triple& triple : triples) {
    const int head = static_cast<int>(document.entities.size());
    document.entities.push_back({"h" + std::to_string(head), triple[0], "", {}, {}});
    document.entities.push_back({"t" + std::to_string(head), triple[2], "", {}, {}});
    document.relations.push_back({head, head + 1, triple[1], {}, {}});
  }
  return document;
}

Counts counts(const std::vector<Triple>& triples) {
  std::vector<AutoreDocument> gold = autore_documents({city()}, "");
  EXPECT_TRUE(add_autore_answers(gold, {answers(triples)}, "").ok());
  const auto scores = score_autore(gold);
  EXPECT_TRUE(scores.ok());
  return scores->tallies[0].classes()["mayor"];
}

TEST(Autore, GroupsHoldEveryAlias) {
  const std::vector<AutoreDocument> gold = autore_documents({city()}, "");
  ASSERT_EQ(gold[0].groups.size(), 2U);
  // "Ann Lee" is not in the text, so the mention's own words stand for it.
  EXPECT_EQ(gold[0].groups[0],
            (std::vector<Triple>{{"Oslo", "mayor", "Ann"}, {"Christiania", "mayor", "Ann"}}));
  EXPECT_EQ(gold[0].groups[1], (std::vector<Triple>{{"Oslo", "mayor", "Ann"}}));
}

TEST(Autore, CountsAsItsScorerDoes) {
  // Two aliases of one fact: one hit, no error.
  Counts c = counts({{"Christiania", "mayor", "Ann"}, {"Christiania", "mayor", "Ann"}});
  EXPECT_EQ(c.correct, 1);
  EXPECT_EQ(c.predicted, 1);
  EXPECT_EQ(c.gold, 2);
  // A triple in two groups hits both.
  c = counts({{"Oslo", "mayor", "Ann"}, {"Christiania", "mayor", "Ann"}});
  EXPECT_EQ(c.correct, 2);
  EXPECT_EQ(c.predicted, 2);
  // The same wrong triple from two calls is wrong twice; letters must be equal.
  c = counts({{"oslo", "mayor", "Ann"}, {"oslo", "mayor", "Ann"}});
  EXPECT_EQ(c.correct, 0);
  EXPECT_EQ(c.predicted, 2);
}

TEST(Autore, KindsOfErrors) {
  std::vector<AutoreDocument> gold = autore_documents({city()}, "");
  ASSERT_TRUE(add_autore_answers(gold,
                                 {answers({{"Ann", "mayor", "Christiania"},
                                           {"Oslo", "capital", "Ann"},
                                           {"Ann", "owner", "Rome"}})},
                                 "")
                  .ok());
  const auto scores = score_autore(gold);
  ASSERT_TRUE(scores.ok());
  std::vector<std::string> kinds;
  for (const ErrorRow& error : scores->errors) kinds.push_back(error.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"direction", "type", "invented"}));
  // "Oslo, Ann" with "mayor" finds both facts; each counts as an answer.
  EXPECT_EQ(scores->floors[0].f1, 1);
}

// As many wrong answers as this took half a minute when each was compared with each fact.
TEST(Autore, ErrorsOfThousandsOfAnswers) {
  constexpr int kFacts = 20000;
  AutoreDocument document;
  for (int i = 0; i < kFacts; ++i) {
    const std::string head = "h" + std::to_string(i), tail = "t" + std::to_string(i);
    document.groups.push_back({{head, "r", tail}, {head + " alias", "r", tail}});
    document.answers.push_back(i % 2 == 0 ? Triple{head, "s", tail} : Triple{tail, "r", head});
  }
  document.answers.push_back({"h0", "s", "t0"});  // its fact explains one answer only
  const auto scores = score_autore({document});
  ASSERT_TRUE(scores.ok());
  std::map<std::string, int> kinds;
  for (const ErrorRow& error : scores->errors) ++kinds[error.kind];
  EXPECT_EQ(kinds, (std::map<std::string, int>{
                       {"direction", kFacts / 2}, {"type", kFacts / 2}, {"invented", 1}}));
}

TEST(Autore, AliasFiles) {
  const std::string lines =
      R"({"id": "d1", "same_fact_list": [[["A", "r", "B"], ["a", "r", "B"]]]})"
      "\n\n"
      R"({"index": 7, "same_fact_list": []})"
      "\n";
  const auto documents = parse_alias_groups(lines, "a.jsonl");
  ASSERT_TRUE(documents.ok()) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[0].groups[0][1], (Triple{"a", "r", "B"}));
  EXPECT_EQ((*documents)[1].id, "7");
  EXPECT_EQ(parse_alias_groups(R"([{"title": "x", "same_fact_list": []}])", "a.json")->size(), 1U);
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {"{}\n", "a.jsonl:1: field 'same_fact_list'"},
           {"\n{\"same_fact_list\": [3]}", "a.jsonl:2: field 'same_fact_list': group 1"},
           {R"([{"same_fact_list": [[["a", "b"]]]}])", "entry 1"},
           {R"([{"same_fact_list": [[["a", "b", 3]]]}])", "element 3 is a number"}}) {
    const auto bad = parse_alias_groups(text, "a.jsonl");
    ASSERT_FALSE(bad.ok()) << text;
    EXPECT_NE(bad.error().message.find(problem), std::string::npos) << bad.error().message;
  }
  std::vector<AutoreDocument> gold = *documents;
  Document stranger = answers({{"A", "r", "B"}});
  Document unknown_document;
  unknown_document.id = "d9";
  const Status unknown = add_autore_answers(gold, {stranger, unknown_document}, "");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("'d9'"), std::string::npos);
}

// DocRED's JSON as Documents: sentences joined by spaces, the stated names kept.
std::vector<Document> documents_of_docred(const std::string& path) {
  std::vector<Document> documents;
  const auto parsed = read_json(path);
  EXPECT_TRUE(parsed.ok());
  for (const Json& entry : *parsed) {
    Document document;
    document.id = entry["title"];
    std::vector<std::vector<text::ByteRange>> tokens;
    for (const Json& sentence : entry["sents"]) {
      tokens.emplace_back();
      for (const Json& token : sentence) {
        if (!document.text.empty()) document.text += ' ';
        const size_t begin = document.text.size();
        document.text += token.get<std::string>();
        tokens.back().push_back({begin, document.text.size()});
      }
    }
    for (const Json& mentions : entry["vertexSet"]) {
      data::Entity entity;
      for (const Json& mention : mentions) {
        const auto& sentence = tokens[mention["sent_id"].get<size_t>()];
        entity.mentions.push_back({sentence[mention["pos"][0].get<size_t>()].begin,
                                   sentence[mention["pos"][1].get<size_t>() - 1].end});
        entity.names.push_back(mention["name"]);
      }
      document.entities.push_back(std::move(entity));
    }
    for (const Json& label : entry["labels"]) {
      document.relations.push_back({label["h"], label["t"], label["r"], {}, {}});
    }
    documents.push_back(std::move(document));
  }
  return documents;
}

TEST(Autore, SurfaceTriplesOfReDocRed) {
  const RedocredDev file;
  const std::vector<Document> documents = documents_of_docred(file.path);
  std::vector<AutoreDocument> gold = autore_documents(documents, "");
  size_t facts = 0, triples = 0, unique = 0, in_two_groups = 0, repaired = 0;
  for (const Document& document : documents) {
    for (const data::Entity& entity : document.entities) {
      for (const std::string& name : entity.names) {
        if (document.text.find(name) == std::string::npos) ++repaired;
      }
    }
  }
  for (AutoreDocument& document : gold) {
    std::map<Triple, size_t> groups;
    facts += document.groups.size();
    for (const auto& group : document.groups) {
      triples += group.size();
      for (const Triple& triple : group) ++groups[triple];
      document.answers.insert(document.answers.end(), group.begin(), group.end());
    }
    unique += groups.size();
    for (const auto& [triple, count] : groups) in_two_groups += count > 1 ? 1 : 0;
  }
  EXPECT_EQ(facts, file.whole ? 17284U : 118U);
  EXPECT_EQ(triples, file.whole ? 24739U : 136U);
  EXPECT_EQ(unique, file.whole ? 24618U : 136U);
  EXPECT_EQ(in_two_groups, file.whole ? 121U : 0U);
  EXPECT_GE(repaired,
            file.whole ? 197U : 0U);  // AutoRE counts those of entities that take part in a fact
  const auto scores = score_autore(gold);
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(scores->tallies[0].fractions().f1, 1);
}

}  // namespace
}  // namespace relata::eval
