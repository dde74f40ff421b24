#include "relata/retrieve/instances.h"

#include <gtest/gtest.h>

#include "relata/data/keywords.h"

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
  EXPECT_EQ(re.tagged_question.find(data::kKeywordBegin), std::string::npos);
}

// Nobody marks it in data without a schema.
TEST(Instances, KnowNegativeRelationsByTheirNames) {
  for (const char* name : {"NA", "no_relation", "Other", "unknown"}) {
    data::Document other = ada();
    other.relations[0].type = name;
    const data::Schema labels = labels_of({ada(), other});
    const Instance re = instances_of(other, IeTask::kRe, labels).front();
    EXPECT_NE(re.question.find("\nSchema: [lives in]\n"), std::string::npos) << re.question;
    EXPECT_EQ(re.answer, "None");
    // A schema may leave it out, or say that it is a relation like others.
    EXPECT_EQ(instances_of(other, IeTask::kRe, labels_of({ada()})).front().answer, "None");
    data::Schema own = labels;
    for (data::RelationType& type : own.relation_types) type.negative = false;
    EXPECT_EQ(instances_of(other, IeTask::kRe, own).front().answer,
              std::string(name) + ": Ada, Paris");
  }
}

TEST(Instances, LeaveOutWhatIsOfTheTypeNa) {
  data::Document some = ada();
  some.entities[0].type = "NA";
  some.events[0].type = "NA";
  const data::Schema labels = labels_of({some});
  const Instance ner = instances_of(some, IeTask::kNer, labels).front();
  EXPECT_NE(ner.question.find("\nSchema: [location]\n"), std::string::npos) << ner.question;
  EXPECT_EQ(ner.answer, "location: Paris");
  EXPECT_NE(ner.tagged_question.find("Input: Ada in <Keyword> Paris </Keyword>\n"),
            std::string::npos);
  const Instance ed = instances_of(some, IeTask::kEd, labels).front();
  EXPECT_NE(ed.question.find("\nSchema: []\n"), std::string::npos) << ed.question;
  EXPECT_EQ(ed.answer, "None");
  const Instance eae = instances_of(some, IeTask::kEae, labels).front();
  EXPECT_NE(eae.question.find("\"NA: in\"; Candidate arguments: [visitor, place]"),
            std::string::npos)
      << eae.question;
  EXPECT_EQ(eae.answer, "visitor: Ada; place: Paris");
}

TEST(Instances, FindEntitiesThatAreStatedByName) {
  data::Document named = ada();
  for (data::Entity& entity : named.entities) entity.mentions.clear();
  named.entities.push_back({"e2", "Rome", "location", {}, {}});  // not in the text
  named.events[0].arguments.push_back({"place", {}, 2});
  const Instance ner = instances_of(named, IeTask::kNer, schema()).front();
  EXPECT_EQ(ner.answer, "person: Ada; location: Paris; location: Rome");
  const std::string both = "Input: <Keyword> Ada </Keyword> in <Keyword> Paris </Keyword>\nOutput:";
  EXPECT_NE(ner.tagged_question.find(both), std::string::npos) << ner.tagged_question;
  const Instance re = instances_of(named, IeTask::kRe, schema()).front();
  EXPECT_EQ(re.answer, "lives in: Ada, Paris");
  EXPECT_NE(re.tagged_question.find(both), std::string::npos) << re.tagged_question;
  const Instance eae = instances_of(named, IeTask::kEae, schema()).front();
  EXPECT_EQ(eae.answer, "visitor: Ada; place: Paris; place: Rome");
  EXPECT_NE(eae.tagged_question.find("<Keyword> Paris </Keyword>"), std::string::npos);
}

TEST(Instances, AreTaggedWithoutTheirQuotationMarks) {
  const Instance ner = instances_of(ada(), IeTask::kNer, schema()).front();
  EXPECT_NE(ner.tagged_question.find(
                "Input: <Keyword> Ada </Keyword> in <Keyword> Paris </Keyword>\nOutput:"),
            std::string::npos);
}

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

TEST(Tags, StandAroundWholeWordsOnly) {
  data::Document cats;
  cats.text = "cats and cat";
  cats.entities = {{"e0", "cat", "animal", {{0, 3}}, {}}};
  Instance ner = instances_of(cats, IeTask::kNer, labels_of({cats})).front();
  EXPECT_NE(ner.tagged_question.find("Input: cats and <Keyword> cat </Keyword>\n"),
            std::string::npos);
  // Of a place within a word that stands nowhere alone there is no tag; a letter is one of any
  // script.
  for (const char* text : {"cats and dogs", "caté"}) {
    cats.text = text;
    ner = instances_of(cats, IeTask::kNer, labels_of({cats})).front();
    EXPECT_NE(ner.tagged_question.find("Input: " + cats.text + "\n"), std::string::npos);
    EXPECT_EQ(ner.answer, "animal: cat");
  }
}

TEST(Tags, CanBeTakenOff) {
  const data::Document document = ada();
  const Instance ner = instances_of(document, IeTask::kNer, schema()).front();
  EXPECT_NE(untagged_text(ner.tagged_question).find("Input: Ada in Paris\n"), std::string::npos);
}

}  // namespace
}  // namespace relata::retrieve
