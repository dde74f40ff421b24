#include "relata/extract/step_rows.h"

#include <gtest/gtest.h>

#include <set>

#include "../redocred_files.h"
#include "fake_engine.h"
#include "relata/data/formats.h"

namespace relata::extract {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

Extractor extractor_with(const std::string& pipeline, const data::Schema& schema,
                         const std::string& relation_mode = "list") {
  Extractor extractor;
  extractor.config = default_config(pipeline);
  BuiltinPipeline choice;
  choice.name = pipeline;
  choice.relation_mode = relation_mode;
  extractor.pipeline = builtin_pipeline(choice).value();
  extractor.schema = schema;
  return extractor;
}

data::Schema family_schema() {
  data::Schema schema;
  for (const char* name : {"father", "spouse", "born in", "capital of"}) {
    data::RelationType type;
    type.id = std::string("R:") + name;
    type.name = name;
    type.description = std::string("About ") + name + ".";
    schema.relation_types.push_back(type);
  }
  schema.relation_types[1].symmetric = true;
  return schema;
}

// Two names for Ann, and one entity that has no relation.
Document family() {
  Document document =
      make_document("d", "Ann Lee wed Bob in Rome. Ann is the child of Cid and met Dora.",
                    {"Ann Lee", "Bob", "Rome", "Cid", "Dora"});
  document.entities[0].mentions.push_back({25, 28});
  document.relations = {{0, 3, "R:father", {}, {}},
                        {0, 1, "R:spouse", {}, {}},
                        {1, 0, "R:spouse", {}, {}},
                        {1, 2, "R:born in", {}, {}}};
  return document;
}

RowOptions plain() {
  RowOptions options;
  options.relation_negatives = 0;
  options.head_negatives = 0;
  return options;
}

Strings answers_of(const std::vector<StepRow>& rows, const std::string& step) {
  Strings out;
  for (const StepRow& row : rows) {
    if (row.step == step) out.push_back(row.answer);
  }
  return out;
}

TEST(StepRows, RhfAsksForRelationsThenHeadsThenTails) {
  const Extractor extractor = extractor_with("rhf", family_schema());
  const auto rows = step_rows(extractor, {family()}, plain()).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(answers_of(rows[0], "relation"), Strings{"father\nspouse\nborn in"});
  EXPECT_EQ(answers_of(rows[0], "head"), (Strings{"Ann Lee", "Ann Lee\nBob", "Bob"}));
  EXPECT_EQ(answers_of(rows[0], "fact"), (Strings{"Cid", "Bob", "Ann Lee", "Rome"}));
  for (const StepRow& row : rows[0]) {
    EXPECT_EQ(row.root, rows[0][0].root);
    EXPECT_NE(row.root.find(family().text), std::string::npos);
    EXPECT_EQ(row.adapter, row.step);
  }
  EXPECT_NE(rows[0][1].branch.find("father"), std::string::npos);
  EXPECT_NE(rows[0][1].branch.find("About father."), std::string::npos);
}

TEST(StepRows, EntitiesThatAreStatedByTheirNamesAreFoundInTheText) {
  Document document = family();
  document.text[3] = '\n';  // inside "Ann Lee": it is shown on one line
  for (data::Entity& entity : document.entities) entity.mentions.clear();
  RowCounts counts;
  const auto rows =
      step_rows(extractor_with("rhf", family_schema()), {document}, plain(), &counts).value();
  EXPECT_EQ(counts.ungrounded, 0);
  EXPECT_EQ(answers_of(rows[0], "fact"), (Strings{"Cid", "Bob", "Ann Lee", "Rome"}));
}

TEST(StepRows, OtherPipelinesAskOtherwise) {
  const auto rows_of = [](const std::string& pipeline) {
    return step_rows(extractor_with(pipeline, family_schema()), {family()}, plain()).value()[0];
  };
  EXPECT_EQ(answers_of(rows_of("df"), "fact"),
            Strings{"father | Ann Lee | Cid\nspouse | Ann Lee | Bob\nspouse | Bob | Ann Lee\n"
                    "born in | Bob | Rome"});
  const auto drsf = rows_of("drsf");
  ASSERT_EQ(drsf.size(), 2u);
  EXPECT_NE(drsf[1].branch.find("father, spouse, born in"), std::string::npos);
  EXPECT_EQ(answers_of(rows_of("drf"), "fact"),
            (Strings{"Ann Lee | Cid", "Ann Lee | Bob\nBob | Ann Lee", "Bob | Rome"}));
  for (const StepRow& row : rows_of("drhf")) {
    EXPECT_EQ(row.branch.find("About"), std::string::npos);
  }
  EXPECT_EQ(answers_of(rows_of("eprsr"), "relation"),
            (Strings{"father", "spouse", "spouse", "born in"}));
}

TEST(StepRows, ChecksAskAboutEveryRelation) {
  const Extractor extractor = extractor_with("rhf", family_schema(), "score");
  RowCounts counts;
  const auto rows = step_rows(extractor, {family()}, plain(), &counts).value()[0];
  EXPECT_EQ(answers_of(rows, "relation"), (Strings{"yes", "yes", "yes", "no"}));
  EXPECT_EQ(counts.rows["relation"], 4);
  EXPECT_EQ(counts.empty["relation"], 1);
  RowOptions some = plain();
  some.check_negatives = 0;
  EXPECT_EQ(answers_of(step_rows(extractor, {family()}, some).value()[0], "relation"),
            (Strings{"yes", "yes", "yes"}));
}

TEST(StepRows, NegativesAreAnsweredWithNothing) {
  const Extractor extractor = extractor_with("rhf", family_schema());
  RowOptions options;
  options.relation_negatives = 1;
  options.head_negatives = 1;
  RowCounts counts;
  const auto rows = step_rows(extractor, {family()}, options, &counts).value()[0];
  EXPECT_EQ(counts.empty["head"], 1);  // only one relation is absent
  EXPECT_EQ(counts.empty["fact"], 4);
  std::set<std::string> prompts;
  for (const StepRow& row : rows) EXPECT_TRUE(prompts.insert(row.branch).second) << row.branch;
  for (const StepRow& row : rows) {
    if (row.step != "head" || row.answer != "none") continue;
    EXPECT_NE(row.branch.find("capital of"), std::string::npos);
  }
  const auto again = step_rows(extractor, {family()}, options).value()[0];
  ASSERT_EQ(again.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(again[i].branch, rows[i].branch);
}

TEST(StepRows, ADocumentWithoutFactsTeachesNothing) {
  Document document = family();
  document.relations.clear();
  const Extractor extractor = extractor_with("rhf", family_schema());
  const auto rows = step_rows(extractor, {document}, plain()).value()[0];
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].answer, "none");
  EXPECT_TRUE(step_rows(extractor, {document}, autore_row_options(false)).value()[0].empty());
}

TEST(StepRows, AllNamesAreAskedAboutInAutoresWay) {
  const Extractor extractor = extractor_with("rhf", family_schema());
  const auto rows = step_rows(extractor, {family()}, autore_row_options(false)).value()[0];
  EXPECT_EQ(answers_of(rows, "head"), (Strings{"Ann Lee\nAnn", "Ann Lee\nAnn\nBob", "Bob"}));
  EXPECT_EQ(answers_of(rows, "fact"),
            (Strings{"Cid", "Cid", "Bob", "Bob", "Ann Lee\nAnn", "Rome"}));
}

TEST(StepRows, OrdersAreDifferentAndAsManyAsThereAre) {
  const Extractor extractor = extractor_with("rhf", family_schema());
  const auto rows = step_rows(extractor, {family()}, autore_row_options(true)).value()[0];
  const Strings relations = answers_of(rows, "relation");
  EXPECT_EQ(relations.size(), 3u);
  EXPECT_EQ(std::set<std::string>(relations.begin(), relations.end()).size(), 3u);
  const Strings heads = answers_of(rows, "head");
  EXPECT_EQ(heads.size(), 5u);
  EXPECT_EQ(std::set<std::string>(heads.begin(), heads.end()).size(), 5u);
}

TEST(StepRows, RelationsOutsideTheSchemaAreErrors) {
  Document document = family();
  document.relations[0].type = "P1";
  const auto out = step_rows(extractor_with("rhf", family_schema()), {document}, plain());
  ASSERT_FALSE(out.ok());
  EXPECT_NE(out.error().message.find("P1"), std::string::npos);
}

TEST(StepExamples, SplitThePromptWhereTheDocumentEnds) {
  Extractor extractor = extractor_with("rhf", family_schema());
  extractor.config.chat = "qwen";
  const ByteTokenizer bytes;
  const auto rows = step_rows(extractor, {family()}, plain()).value();
  const auto out = step_examples(extractor, bytes, {family()}, plain()).value();
  ASSERT_EQ(out.size(), 1u);
  ASSERT_EQ(out[0].examples.size(), rows[0].size());
  for (size_t i = 0; i < rows[0].size(); ++i) {
    const StepExample& example = out[0].examples[i];
    EXPECT_EQ(example.prompt.front(), bytes.bos_id());
    EXPECT_EQ(bytes.decode(example.prompt, true), rows[0][i].root + rows[0][i].branch);
    EXPECT_EQ(example.shared, rows[0][i].root.size() + 1);
    EXPECT_EQ(bytes.decode(example.answer, true), rows[0][i].answer);
    EXPECT_EQ(example.answer.back(), bytes.eos_id());
    EXPECT_TRUE(rows[0][i].root.starts_with("<|im_start|>"));
    EXPECT_TRUE(rows[0][i].branch.ends_with("assistant\n"));
  }
}

TEST(StepExamples, LongDocumentsAreAskedAboutInWindows) {
  const Extractor extractor = extractor_with("rhf", family_schema());
  Document document = family();
  for (int i = 0; i < 40; ++i)
    document.text += " Nothing happened on day " + std::to_string(i) + ".";
  RowOptions options = plain();
  options.max_tokens = 700;
  RowCounts counts;
  const auto out = step_examples(extractor, ByteTokenizer(), {document}, options, &counts).value();
  EXPECT_GT(counts.windows, 2);
  EXPECT_EQ(counts.too_long, 0);
  EXPECT_EQ(counts.parted, 0);
  EXPECT_EQ(counts.rows["fact"], 4);  // all in the first window
  for (const DocumentExamples& examples : out) {
    for (const StepExample& example : examples.examples) {
      EXPECT_LE(example.prompt.size() + example.answer.size(), 700u);
    }
  }
}

TEST(StepExamples, FactsThatNoWindowHasAreCounted) {
  Document document = family();
  for (int i = 0; i < 40; ++i)
    document.text += " Nothing happened on day " + std::to_string(i) + ".";
  const size_t begin = document.text.size() + 1;
  document.text += " Eve left.";
  data::Entity late = document.entities[3];
  late.id = "late";
  late.text = "Eve";
  late.mentions = {{begin, begin + 3}};
  document.entities.push_back(late);
  document.relations.push_back({0, 5, "R:father", {}, {}});
  RowOptions options = plain();
  options.max_tokens = 700;
  RowCounts counts;
  const Extractor extractor = extractor_with("rhf", family_schema());
  ASSERT_TRUE(step_examples(extractor, ByteTokenizer(), {document}, options, &counts).ok());
  EXPECT_EQ(counts.parted, 1);
  EXPECT_EQ(counts.rows["fact"], 4);
  options.max_tokens = 0;
  ASSERT_TRUE(step_examples(extractor, ByteTokenizer(), {document}, options, &counts).ok());
  EXPECT_EQ(counts.parted, 0);
  EXPECT_EQ(counts.rows["fact"], 4);  // the heads' of the relation have one answer
}

// The rows that AutoRE's preparation makes of Re-DocRED's development file, as counted in a study
// of it: by pipeline, of all steps.
TEST(StepRows, CountsOfRedocred) {
  const RedocredDev file;
  data::ReadOptions read;
  read.format = "docred";
  const auto documents = data::read_dataset(file.path, read).value().documents;
  const data::Schema schema = data::infer_schema(documents);
  const auto count = [&](const std::string& pipeline, bool augment) {
    RowCounts counts;
    EXPECT_TRUE(
        step_rows(extractor_with(pipeline, schema), documents, autore_row_options(augment), &counts)
            .ok());
    return counts.rows;
  };
  using Rows = std::map<std::string, int64_t>;
  if (!file.whole) {
    EXPECT_EQ(count("drsf", false), (Rows{{"relation", 5}, {"fact", 5}}));
    EXPECT_EQ(count("rhf", false), (Rows{{"relation", 5}, {"head", 46}, {"fact", 104}}));
    return;
  }
  EXPECT_EQ(count("df", false), (Rows{{"fact", 499}}));
  EXPECT_EQ(count("drsf", false), (Rows{{"relation", 499}, {"fact", 499}}));
  EXPECT_EQ(count("drf", false), (Rows{{"relation", 499}, {"fact", 4995}}));
  EXPECT_EQ(count("rhf", false), (Rows{{"relation", 499}, {"head", 4995}, {"fact", 15390}}));
  EXPECT_EQ(count("rhf", true), (Rows{{"relation", 1494}, {"head", 8369}, {"fact", 15390}}));
}

}  // namespace
}  // namespace relata::extract
