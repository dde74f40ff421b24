#include "relata/extract/pipeline.h"

#include <gtest/gtest.h>

#include "fake_engine.h"
#include "relata/extract/extractor.h"

namespace relata::extract {
namespace {

std::string problem_of(const std::string& steps, const std::string& more = "") {
  const auto out = parse_pipeline(
      "name: x\nroot: '{instruction} {document}'\n" + more + "steps:\n" + steps, "x.yaml");
  return out.ok() ? "" : out.error().message;
}

TEST(Pipeline, BuiltinsCanBeWrittenAndRead) {
  for (const std::string& name : builtin_pipeline_names()) {
    for (const char* language : {"en", "zh"}) {
      for (const bool document_first : {true, false}) {
        BuiltinPipeline choice{name, language, "list", document_first};
        if (name != "df" && name != "eprsr" && document_first) choice.relation_mode = "score";
        const auto spec = builtin_pipeline(choice);
        ASSERT_TRUE(spec.ok()) << spec.error().message;
        const std::string yaml = pipeline_yaml(spec.value());
        const auto read = parse_pipeline(yaml, name);
        ASSERT_TRUE(read.ok()) << read.error().message << "\n" << yaml;
        EXPECT_EQ(pipeline_yaml(read.value()), yaml);
        EXPECT_EQ(read.value().yes, spec.value().yes);
        EXPECT_EQ(read.value().root, spec.value().root);
        for (size_t i = 0; i < spec.value().steps.size(); ++i) {
          EXPECT_EQ(read.value().steps[i].question, spec.value().steps[i].question);
          EXPECT_EQ(read.value().steps[i].inputs, spec.value().steps[i].inputs);
        }
      }
    }
  }
}

// The order of AutoRE's prompts: relation, description, text, request.
TEST(Pipeline, TheTextMayStandInside) {
  const auto spec = builtin_pipeline({"rhf", "en", "list", false}).value();
  EXPECT_EQ(spec.root, "");
  const auto& fact = spec.steps[2].question;
  const auto place = [&](const char* what) { return fact.find(what); };
  EXPECT_LT(place("{relation}"), place("{description}"));
  EXPECT_LT(place("{description}"), place("{document}"));
  EXPECT_LT(place("{document}"), place("{head}"));
  EXPECT_TRUE(spec.steps[0].question.starts_with("{document}"));
}

TEST(Pipeline, ErrorsNameTheStepAndTheFix) {
  const std::string ask = "question: q, answer: ";
  const std::string all = "- {name: a, " + ask + "'{relation} | {head} | {tail}'}\n";
  EXPECT_EQ(problem_of(all), "");
  const auto expect = [&](const std::string& steps, const std::string& part,
                          const std::string& more = "") {
    EXPECT_NE(problem_of(steps, more).find(part), std::string::npos)
        << steps << ": " << problem_of(steps, more);
  };
  expect("- {name: a, " + ask + "'{relation} | {head}'}", "tail");
  expect("- {name: a, " + ask + "'{relation}{head}'}", "nothing between");
  expect("- {name: a, " + ask + "'{relation} {relation}'}", "twice");
  expect("- {name: a, " + ask + "'{sentence}'}", "{sentence}");
  expect("- {name: a, for: [relation], " + ask + "'{head}'}", "no earlier step");
  expect("- {name: a, for: [rel], " + ask + "'{head}'}", "rel");
  expect(all + "- {name: a, for: [head], " + ask + "'{tail}'}", "second step");
  expect(all + "- {name: b, for: [head], " + ask + "'{tail}'}", "earlier step has given");
  expect("- {name: a, question: '{head}', answer: '{relation}'}", "{head}");
  expect("- {name: a, question: '{document}', answer: '{relation}'}", "{document}");
  expect("- {name: a, kind: check, question: q}", "needs `for`");
  expect("- {name: a, kind: check, for: [relation], question: q, answer: '{head}'}", "no answer");
  expect("- {name: a, quesiton: q}", "quesiton");
  expect("  []", "no steps");
  expect(all, "nothing", "nothing: ''\n");
  expect(all, "yes and no", "yes: 'no'\n");
  EXPECT_FALSE(parse_pipeline("- 1", "x.yaml").ok());
  EXPECT_FALSE(builtin_pipeline({"rhff", "en", "list", true}).ok());
  EXPECT_FALSE(builtin_pipeline({"df", "en", "score", true}).ok());
  EXPECT_FALSE(builtin_pipeline({"rhf", "fr", "list", true}).ok());
}

TEST(Pipeline, SchemasMustBeAnswerable) {
  const auto spec = builtin_pipeline({}).value();
  data::Schema schema = company_schema();
  EXPECT_TRUE(check_pipeline_schema(spec, schema).ok());
  schema.relation_types[1].name = "none";
  EXPECT_FALSE(check_pipeline_schema(spec, schema).ok());
  for (const char* name : {"two\nlines", "", " blanks", "blanks\t"}) {
    schema.relation_types[1].name = name;
    EXPECT_FALSE(check_pipeline_schema(spec, schema).ok()) << name;
  }
  auto in_one_line = spec;
  in_one_line.separator = "; ";
  schema.relation_types[1].name = "owns; has";
  EXPECT_TRUE(check_pipeline_schema(spec, schema).ok());
  const std::string refused = check_pipeline_schema(in_one_line, schema).error().message;
  EXPECT_NE(refused.find("separator \"; \""), std::string::npos) << refused;
  schema.relation_types[1].name = "crosses";
  EXPECT_FALSE(check_pipeline_schema(spec, schema).ok());
  EXPECT_FALSE(check_pipeline_schema(spec, data::Schema()).ok());
}

}  // namespace
}  // namespace relata::extract
