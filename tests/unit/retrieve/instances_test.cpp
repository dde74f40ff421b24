#include "relata/retrieve/instances.h"

#include <gtest/gtest.h>

namespace relata::retrieve {
namespace {

using data::ByteRange;

data::Document ada() {
  data::Document out;
  out.id = "d1";
  out.text = "Ada in Paris";
  out.entities = {{"e0", "Ada", "person", {{0, 3}}, {}},
                  {"e1", "Paris", "location", {{7, 12}}, {}}};
  data::Relation relation;
  relation.tail = 1;
  relation.type = "lives in";
  out.relations = {relation};
  data::Event event;
  event.id = "ev0";
  event.type = "visit";
  event.trigger = {4, 6};
  event.arguments = {{"visitor", {0, 3}, -1}, {"place", {}, 1}};
  out.events = {event};
  return out;
}

data::Schema schema() {
  data::Schema out = labels_of({ada()});
  data::RelationType none;
  none.id = none.name = "no relation";
  none.negative = true;
  out.relation_types.push_back(none);
  return out;
}

// Acceptance check 1 of the study of RUIE.
TEST(Instances, HaveTheFourLines) {
  const Instance ner = instances_of(ada(), IeTask::kNer, schema()).front();
  EXPECT_EQ(ner.block(),
            "Task: Named entity recognition\nSchema: [person, location]\nInput: \"Ada in Paris\"\n"
            "Output: person: Ada; location: Paris");
  EXPECT_TRUE(ner.question.ends_with("\nOutput:"));
  const Instance re = instances_of(ada(), IeTask::kRe, schema()).front();
  EXPECT_EQ(re.block(),
            "Task: Relation extraction\nSchema: [lives in]\nInput: \"Ada in Paris\"\n"
            "Output: lives in: Ada, Paris");
  const Instance ed = instances_of(ada(), IeTask::kEd, schema()).front();
  EXPECT_EQ(ed.block(),
            "Task: Event detection\nSchema: [visit]\nInput: \"Ada in Paris\"\nOutput: visit: in");
  const Instance eae = instances_of(ada(), IeTask::kEae, schema()).front();
  EXPECT_EQ(
      eae.block(),
      "Task: Event argument extraction\nSchema: Given event trigger: \"visit: in\"; Candidate "
      "arguments: [visitor, place]\nInput: \"Ada in Paris\"\n"
      "Output: visitor: Ada; place: Paris");
}

TEST(Instances, WithoutItemsAnswerNone) {
  data::Document plain = ada();
  plain.entities.clear();
  plain.relations.clear();
  plain.events.clear();
  EXPECT_EQ(instances_of(plain, IeTask::kNer, schema()).front().answer, "None");
  EXPECT_TRUE(instances_of(plain, IeTask::kEae, schema()).empty());
}

TEST(Instances, StateTheNegativeRelationNowhere) {
  data::Document other = ada();
  other.relations[0].type = "no relation";
  const Instance re = instances_of(other, IeTask::kRe, schema()).front();
  EXPECT_EQ(re.answer, "None");
  EXPECT_EQ(re.tagged_question.find(kKeywordBegin), std::string::npos);
}

TEST(Instances, AreTaggedWithoutTheirQuotationMarks) {
  const Instance ner = instances_of(ada(), IeTask::kNer, schema()).front();
  EXPECT_NE(ner.tagged_question.find(
                "Input: <Keyword> Ada </Keyword> in <Keyword> Paris </Keyword>\nOutput:"),
            std::string::npos);
}

// Acceptance check 2, (a) to (c).
TEST(RetrieverForms, AreBlocksOrSentences) {
  const Instance ner = instances_of(ada(), IeTask::kNer, schema()).front();
  const RetrieverForm block{true, false}, sentence{false, true}, tagged{true, true};
  EXPECT_EQ(retriever_query(ner, IeTask::kNer, block),
            "Task: Named entity recognition\nInput: \"Ada in Paris\"\nOutput:");
  EXPECT_EQ(retriever_query(ner, IeTask::kNer, tagged), "Ada in Paris");
  EXPECT_EQ(retriever_passage(ner, IeTask::kNer, sentence), "Ada in Paris");
  EXPECT_EQ(retriever_passage(ner, IeTask::kNer, tagged),
            "<Keyword> Ada </Keyword> in <Keyword> Paris </Keyword>");
  const Instance eae = instances_of(ada(), IeTask::kEae, schema()).front();
  const std::string asked =
      "Given event trigger: \"visit: in\"; Candidate arguments: [visitor, place]\n";
  EXPECT_EQ(retriever_query(eae, IeTask::kEae, sentence), asked + "Ada in Paris");
  EXPECT_EQ(retriever_passage(eae, IeTask::kEae, sentence), asked + "Ada in Paris");
}

TEST(Tags, StandAroundWhatIsMarked) {
  EXPECT_EQ(tagged_text("It is known from Laos.", {{17, 21}}),
            "It is known from <Keyword> Laos </Keyword>.");
  EXPECT_EQ(tagged_text("New York University", {{0, 8}, {0, 19}, {4, 19}}),
            "<Keyword> New York University </Keyword>");
  EXPECT_EQ(tagged_text("ab", {{0, 1}, {1, 2}}), "<Keyword> a </Keyword><Keyword> b </Keyword>");
  data::Document cats;
  cats.text = "cats and cat";
  cats.entities = {{"e0", "cat", "animal", {{0, 3}}, {}}};
  const Instance ner = instances_of(cats, IeTask::kNer, labels_of({cats})).front();
  EXPECT_NE(ner.tagged_question.find("Input: cats and <Keyword> cat </Keyword>\n"),
            std::string::npos);
}

}  // namespace
}  // namespace relata::retrieve
