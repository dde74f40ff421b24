#include <gtest/gtest.h>

#include <algorithm>

#include "relata/eval/document_scores.h"

namespace relata::eval {
namespace {

using data::Document;

// "Ann Lee works for Acme Corp in Bonn" with three mentions and two relations.
Document sentence() {
  Document document;
  document.id = "s1";
  document.text = "Ann Lee works for Acme Corp in Bonn";
  document.entities = {{"e0", "Ann Lee", "PER", {{0, 7}}, {}},
                       {"e1", "Acme Corp", "ORG", {{18, 27}}, {}},
                       {"e2", "Bonn", "LOC", {{31, 35}}, {}}};
  document.relations = {{0, 1, "works_for", {}, {}}, {1, 2, "based_in", {}, {}}};
  return document;
}

DocumentScores scores_of(const std::string& metric, const std::vector<Document>& gold,
                         const std::vector<Document>& predicted, const SpanOptions& options = {}) {
  auto result = score_spans(metric, gold, predicted, options);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? std::move(*result) : DocumentScores{};
}

Score score(const std::string& metric, const std::vector<Document>& gold,
            const std::vector<Document>& predicted) {
  return score_of(scores_of(metric, gold, predicted), {"", 50, 3});
}

std::map<std::string, std::string> kinds(const DocumentScores& scores) {
  std::map<std::string, std::string> by_label;
  for (const ErrorRow& error : scores.errors) {
    by_label[error.extra.empty() ? error.missed[0] : error.extra[0]] += error.kind;
  }
  return by_label;
}

TEST(Spans, GoldFedBackIsPerfect) {
  for (const char* metric : {"ner-span", "re-strict", "re-boundary"}) {
    const Score perfect = score(metric, {sentence()}, {sentence()});
    EXPECT_EQ(perfect.f1, 1) << metric;
    EXPECT_EQ(perfect.ci_low, 1) << metric;
    for (const Score& part : perfect.parts) EXPECT_EQ(part.f1, 1) << part.metric;
    const Score silent = score(metric, {sentence()}, {});
    EXPECT_EQ(silent.f1, 0) << metric;
  }
}

TEST(NerSpan, TypeAndBoundaries) {
  Document predicted = sentence();
  predicted.entities = {{"e0", "Ann", "PER", {{0, 3}}, {}},           // boundary
                        {"e1", "Acme Corp", "LOC", {{18, 27}}, {}},   // type
                        {"e2", "Bonn", "LOC", {{31, 35}}, {}},        // right
                        {"e3", "Bonn again", "LOC", {{31, 35}}, {}},  // the same place again
                        {"e4", "works", "JOB", {{8, 13}}, {}},        // invented
                        {"e5", "nowhere", "ORG", {}, {}}};            // cannot be right
  predicted.relations.clear();
  const DocumentScores scores = scores_of("ner-span", {sentence()}, {predicted});
  const Score ours = score_of(scores, {"", 0, 0});
  EXPECT_DOUBLE_EQ(ours.precision, 1.0 / 5);
  EXPECT_DOUBLE_EQ(ours.recall, 1.0 / 3);
  EXPECT_DOUBLE_EQ(ours.parts[0].precision, 2.0 / 5);  // boundaries
  EXPECT_EQ(kinds(scores),
            (std::map<std::string, std::string>{
                {"PER", "boundary"}, {"LOC", "type"}, {"JOB", "invented"}, {"ORG", "invented"}}));
}

// Mentions of nine bytes, one after the other: right, of another type, one byte short, invented.
TEST(NerSpan, ThousandsOfMentions) {
  constexpr size_t kMentions = 4000;
  Document gold;
  gold.id = "long";
  gold.text = std::string(kMentions * 10, 'x');
  Document predicted = gold;
  for (size_t i = 0; i < kMentions; ++i) {
    const size_t begin = 10 * i;
    const std::string id = "e" + std::to_string(i);
    gold.entities.push_back({id, "", "PER", {{begin, begin + 9}}, {}});
    const std::string type = i % 4 == 1 ? "LOC" : i % 4 == 3 ? "ORG" : "PER";
    const size_t end = begin + (i % 4 == 2 ? 8 : 9);
    predicted.entities.push_back({id, "", type, {{begin + i % 4 / 3, end}}, {}});
  }
  const DocumentScores scores = scores_of("ner-span", {gold}, {predicted});
  const Score ours = score_of(scores, {"", 0, 0});
  EXPECT_DOUBLE_EQ(ours.f1, 0.25);
  EXPECT_DOUBLE_EQ(ours.parts[0].f1, 0.5);  // boundaries
  std::map<std::string, size_t> by_kind;
  for (const ErrorRow& error : scores.errors) ++by_kind[error.kind];
  EXPECT_EQ(by_kind, (std::map<std::string, size_t>{{"type", kMentions / 4},
                                                    {"boundary", kMentions / 4},
                                                    {"invented", kMentions / 4},
                                                    {"missing", kMentions / 4}}));
}

TEST(RelationSpans, StrictNeedsTheEntityTypes) {
  Document predicted = sentence();
  predicted.entities[1].type = "LOC";
  predicted.relations.push_back({2, 1, "based_in", 0.5, {}});
  const Score strict = score("re-strict", {sentence()}, {predicted});
  const Score boundary = score("re-boundary", {sentence()}, {predicted});
  EXPECT_EQ(strict.f1, 0);
  EXPECT_DOUBLE_EQ(boundary.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(boundary.recall, 1);
  EXPECT_EQ(strict.parts[1].metric, "ner");
  EXPECT_DOUBLE_EQ(strict.parts[1].f1, 2.0 / 3);
  EXPECT_EQ(boundary.parts[0].metric, "macro");
  EXPECT_DOUBLE_EQ(boundary.parts[0].precision, (1 + 0.5) / 2);
}

TEST(RelationSpans, KindsOfErrors) {
  Document predicted = sentence();
  predicted.entities.push_back({"e3", "Acme", "ORG", {{18, 22}}, {}});
  predicted.relations = {
      {1, 0, "works_for", {}, {}}, {3, 2, "based_in", {}, {}}, {0, 2, "lives_in", {}, {}}};
  const DocumentScores scores = scores_of("re-boundary", {sentence()}, {predicted});
  EXPECT_EQ(kinds(scores),
            (std::map<std::string, std::string>{
                {"works_for", "direction"}, {"based_in", "boundary"}, {"lives_in", "invented"}}));
  for (const ErrorRow& error : scores.errors) {
    EXPECT_EQ(error.id, "s1");
    EXPECT_NE(error.context.find("→"), std::string::npos);
  }
  predicted.relations = {{0, 1, "employs", {}, {}}};
  EXPECT_EQ(kinds(scores_of("re-boundary", {sentence()}, {predicted}))["employs"], "type");
  EXPECT_EQ(kinds(scores_of("re-boundary", {sentence()}, {predicted},
                            {"", {{"employs", "works_for"}}}))["employs"],
            "direction");
}

TEST(RelationSpans, ClustersMeetInOneMention) {
  Document gold = sentence();
  gold.entities[0].mentions = {{0, 3}, {0, 7}};
  const Score ours = score("re-strict", {gold}, {sentence()});
  EXPECT_EQ(ours.f1, 1);
}

// Facts of gold that only share a place are facts of their own, in any order.
TEST(RelationSpans, FactsThatShareAPlaceStayApart) {
  Document gold = sentence();
  gold.entities.push_back({"e3", "Ann", "PER", {{0, 3}, {0, 7}}, {}});
  gold.entities.push_back({"e4", "Ann", "PER", {{0, 3}}, {}});
  gold.relations = {{0, 1, "works_for", {}, {}},
                    {3, 1, "works_for", {}, {}},
                    {4, 1, "works_for", {}, {}},
                    {4, 1, "works_for", {}, {}}};
  Document turned = gold;
  std::reverse(turned.relations.begin(), turned.relations.end());
  for (const Document& predicted : {gold, turned}) {
    const DocumentScores scores = scores_of("re-strict", {gold}, {predicted});
    EXPECT_EQ(scores.tallies[0].fractions().f1, 1);
    EXPECT_EQ(scores.tallies[0].classes().at("works_for").gold, 3);
  }
}

TEST(RelationSpans, NegativeRelationsStateNothing) {
  Document predicted = sentence();
  predicted.relations.push_back({0, 2, "no_relation", {}, {}});
  const DocumentScores scores =
      scores_of("re-strict", {sentence()}, {predicted}, {"no_relation", {}});
  EXPECT_EQ(scores.tallies[0].fractions().f1, 1);
}

TEST(RelationSpans, TablesByTypeAndDistance) {
  const DocumentScores scores = scores_of("re-strict", {sentence()}, {sentence()});
  ASSERT_EQ(scores.tables.size(), 2U);
  EXPECT_EQ(scores.tables[0].rows.size(), 2U);
  EXPECT_EQ(scores.tables[1].title, "tokens between head and tail");
  EXPECT_EQ(scores.tables[1].rows[0].label, "0-5");
  EXPECT_EQ(scores.tables[1].rows[0].counts.correct, 2);
}

// "bombed" and "talks" with arguments.
Document events() {
  Document document;
  document.id = "v1";
  document.text = "Rebels bombed Oslo during talks there";
  document.events = {
      {"ev0", "attack", {7, 13}, {{"attacker", {0, 6}, -1}, {"place", {14, 18}, -1}}},
      {"ev1", "meet", {26, 31}, {{"place", {32, 37}, -1}}}};
  return document;
}

TEST(Events, TriggersAndArguments) {
  Document predicted = events();
  predicted.events[0].type = "meet";
  predicted.events[1].trigger = {25, 31};
  EXPECT_EQ(score("ed", {events()}, {events()}).f1, 1);
  const DocumentScores triggers = scores_of("ed", {events()}, {predicted});
  const Score ed = score_of(triggers, {"", 0, 0});
  EXPECT_EQ(ed.f1, 0);
  EXPECT_DOUBLE_EQ(ed.parts[0].f1, 0.5);  // identification
  EXPECT_EQ(triggers.errors.size(), 2U);
  EXPECT_EQ(triggers.errors[0].kind, "type");
  EXPECT_EQ(triggers.errors[1].kind, "boundary");

  // The second event's argument counts without its trigger, not with it.
  const Score eae = score("eae", {events()}, {predicted});
  EXPECT_DOUBLE_EQ(eae.f1, 1.0 / 3);
  EXPECT_EQ(eae.parts[0].metric, "identification");
  EXPECT_EQ(eae.parts[1].f1, 0);
  predicted = events();
  predicted.events[0].arguments[0].role = "place";
  const Score roles = score("eae", {events()}, {predicted});
  EXPECT_DOUBLE_EQ(roles.f1, 2.0 / 3);
  EXPECT_EQ(roles.parts[0].f1, 1);
}

// Entities that are not in the text do not matter to metrics of events.
TEST(Events, EntitiesNeedNoPlace) {
  Document gold = events();
  gold.entities = {{"e0", "the rebels", "GROUP", {}, {}}};
  EXPECT_EQ(score("ed", {gold}, {gold}).f1, 1);
  EXPECT_EQ(score("eae", {gold}, {gold}).f1, 1);
}

TEST(Events, ArgumentsByTheirEntity) {
  Document gold = events();
  gold.entities = {{"e0", "Rebels", "GROUP", {{0, 6}}, {}}};
  gold.events[0].arguments[0] = {"attacker", {}, 0};
  EXPECT_EQ(score("eae", {gold}, {events()}).f1, 1);
  EXPECT_EQ(score("eae", {events()}, {gold}).f1, 1);
  // Arguments without any place agree with nothing, not with each other.
  Document nowhere = events();
  for (data::Event& event : nowhere.events) {
    for (data::Argument& argument : event.arguments) argument.range = {};
  }
  EXPECT_EQ(score("eae", {nowhere}, {nowhere}).f1, 0);
}

TEST(Events, TriggersWithoutAPlace) {
  Document nowhere = events();
  nowhere.events[1].trigger = {};
  const auto bad = score_spans("ed", {nowhere}, {events()}, {});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message,
            "gold document 'v1': the trigger of event 'ev1' ('meet') has no place");
  const Score ours = score("ed", {events()}, {nowhere});
  EXPECT_DOUBLE_EQ(ours.precision, 0.5);
  EXPECT_EQ(score("eae", {nowhere}, {nowhere}).f1, 1);
}

TEST(Spans, GoldThatStatesNothingIsAnError) {
  Document silent = sentence();
  silent.relations.clear();
  const auto relations = score_spans("re-strict", {silent}, {sentence()}, {});
  ASSERT_FALSE(relations.ok());
  EXPECT_EQ(relations.error().message, "gold states no relations: there is nothing to score");
  EXPECT_FALSE(score_spans("ed", {sentence()}, {events()}, {}).ok());
}

TEST(Spans, ADocumentIsPredictedOnce) {
  const auto twice = score_spans("ner-span", {sentence(), events()}, {sentence(), sentence()}, {});
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().message.find("several predicted documents have the id 's1'"),
            std::string::npos);
}

TEST(Spans, BadInputIsNamed) {
  Document homeless = sentence();
  homeless.entities[1].mentions.clear();
  const auto no_mention = score_spans("ner-span", {homeless}, {sentence()}, {});
  ASSERT_FALSE(no_mention.ok());
  EXPECT_NE(no_mention.error().message.find("'s1': entity 'e1'"), std::string::npos);
  Document other = sentence();
  other.text += "!";
  const auto other_text = score_spans("ner-span", {sentence()}, {other}, {});
  ASSERT_FALSE(other_text.ok());
  EXPECT_NE(other_text.error().message.find("'s1' has another text"), std::string::npos);
  EXPECT_FALSE(score_spans("tacred", {sentence()}, {}, {}).ok());
  EXPECT_FALSE(score_spans("ner-span", {}, {}, {}).ok());
}

}  // namespace
}  // namespace relata::eval
