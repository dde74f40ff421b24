// Document pipelines on Re-DocRED's development file, with an engine that knows the gold answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <unordered_map>

#include "../redocred_files.h"
#include "fake_engine.h"
#include "relata/base/file.h"
#include "relata/data/formats.h"
#include "relata/extract/calibrate.h"
#include "relata/extract/facts.h"
#include "relata/extract/step_rows.h"

namespace relata::extract {
namespace {

using data::Document;

class PlainBytes : public ByteTokenizer {
 public:
  std::string token_bytes(int32_t id) const override { return decode({id}, true); }
};

// Answers each prompt as the training rows do; walks the constraint with it where there is one.
class GoldEngine : public FakeEngine {
 public:
  GoldEngine() { bytes = std::make_shared<PlainBytes>(); }
  std::unordered_map<std::string, std::string> answers;
  int64_t unknown = 0;
  int64_t refused = 0;  // answers that a constraint does not let through

  Result<std::vector<generate::GenerateResult>> generate(
      const std::vector<generate::GenerateRequest>& requests,
      const generate::EngineProgress&) override {
    std::vector<generate::GenerateResult> out;
    for (const auto& request : requests) {
      const auto found = answers.find(bytes->decode(request.prompt, true));
      generate::GenerateResult result;
      if (found == answers.end()) {
        ++unknown;
      } else {
        result.text = found->second;
      }
      result.ids = bytes->encode_ids(result.text, false);
      result.logprobs.assign(result.ids.size(), -0.001);
      result.finish = "eos";
      if (request.constraint && !passes(*request.constraint, result.ids)) ++refused;
      out.push_back(std::move(result));
    }
    return out;
  }

 private:
  bool passes(const generate::Constraint& constraint, const std::vector<int32_t>& ids) const {
    const auto walk = constraint.start();
    const auto allows = [&](int32_t id) {
      return std::binary_search(walk->allowed().begin(), walk->allowed().end(), id);
    };
    for (const int32_t id : ids) {
      if (!allows(id)) return false;
      walk->accept(id);
    }
    return allows(bytes->eos_id());
  }
};

class Redocred : public testing::Test {
 protected:
  void SetUp() override {
    data::ReadOptions read;
    read.format = "docred";
    documents_ = data::read_dataset(file_.path, read).value().documents;
    // The file that AutoRE ships lacks this one.
    std::erase_if(documents_, [](const Document& one) { return one.id == "Lark Force"; });
    extractor_.schema = data::infer_schema(documents_);
  }
  void use(const std::string& pipeline, RowOptions::Naming naming) {
    extractor_.config = default_config(pipeline);
    BuiltinPipeline choice;
    choice.name = pipeline;
    extractor_.pipeline = builtin_pipeline(choice).value();
    RowOptions rows = autore_row_options(false);
    rows.naming = naming;
    rows.empty_documents = true;
    engine_.answers.clear();
    const auto all = step_rows(extractor_, documents_, rows, &counts_).value();
    for (const auto& document : all) {
      for (const StepRow& row : document) engine_.answers[row.root + row.branch] = row.answer;
    }
    options_.use_entities = false;
    options_.closure = false;
  }

  // At most so many, for what takes long.
  void keep(size_t count) {
    if (documents_.size() > count) documents_.resize(count);
  }

  RedocredDev file_;
  std::vector<Document> documents_;
  Extractor extractor_;
  GoldEngine engine_;
  FactOptions options_;
  RowCounts counts_;
};

TEST_F(Redocred, GoldAnswersGiveTheGoldFacts) {
  keep(100);
  const std::shared_ptr<const text::Tokenizer> tokenizer = engine_.bytes;
  const auto compiler = generate::make_answer_compiler(tokenizer).value();
  for (const std::string pipeline : {"df", "drsf", "drf", "rhf", "eprsr"}) {
    use(pipeline, RowOptions::Naming::Canonical);
    const auto found = extract_facts(extractor_, engine_, compiler, documents_, options_).value();
    int64_t gold_facts = 0;
    const auto outcomes = fact_outcomes(documents_, found, extractor_.schema, &gold_facts);
    EXPECT_EQ(engine_.unknown, 0) << pipeline;
    EXPECT_EQ(engine_.refused, 0) << pipeline;
    int64_t right = 0;
    for (const ScoredOutcome& one : outcomes) right += one.correct ? 1 : 0;
    EXPECT_EQ(right, static_cast<int64_t>(outcomes.size())) << pipeline;
    // Entities of one name are one here, and an entity has no relation to its own name.
    EXPECT_GT(right, gold_facts * 98 / 100) << pipeline;
    for (const Document& document : found) {
      for (const data::Entity& entity : document.entities) {
        ASSERT_FALSE(entity.mentions.empty());
        for (const auto& mention : entity.mentions) {
          EXPECT_EQ(document.text.substr(mention.begin, mention.end - mention.begin), entity.text);
        }
      }
      for (const data::Relation& relation : document.relations) {
        EXPECT_FALSE(relation.evidence.empty());
      }
    }
  }
}

// The study of AutoRE counted 41.8 questions a document with all names, 11.0 for D_R_F.
TEST_F(Redocred, QuestionsADocument) {
  const auto questions = [&](const std::string& pipeline) {
    use(pipeline, RowOptions::Naming::Mentions);
    AskedCounts asked;
    options_.decode = "free";
    EXPECT_TRUE(extract_facts(extractor_, engine_, nullptr, documents_, options_, &asked).ok());
    EXPECT_EQ(engine_.unknown, 0);
    // One document of all has no facts: asked about once, and not among the study's.
    const int64_t empty = file_.whole ? 1 : 0;
    return static_cast<double>(asked.questions - empty) /
           static_cast<double>(static_cast<int64_t>(documents_.size()) - empty);
  };
  EXPECT_NEAR(questions("rhf"), file_.whole ? 41.8 : 155 / 5.0, 0.05);
  EXPECT_NEAR(questions("drf"), file_.whole ? 11.0 : 51 / 5.0, 0.05);
}

// Tokens of prompts that are computed when every shared beginning is computed once for each
// adapter, as a share of all.
double computed_share(const std::vector<DocumentExamples>& all) {
  int64_t tokens = 0;
  int64_t computed = 0;
  for (const DocumentExamples& document : all) {
    std::map<std::string, std::vector<std::vector<int32_t>>> prompts;
    for (const StepExample& example : document.examples) {
      prompts[example.adapter].push_back(example.prompt);
    }
    for (auto& [adapter, list] : prompts) {
      std::sort(list.begin(), list.end());
      for (size_t i = 0; i < list.size(); ++i) {
        size_t shared = 0;
        if (i > 0) {
          const auto end =
              std::mismatch(list[i].begin(), list[i].end(), list[i - 1].begin(), list[i - 1].end());
          shared = static_cast<size_t>(end.first - list[i].begin());
        }
        tokens += static_cast<int64_t>(list[i].size());
        computed += static_cast<int64_t>(list[i].size() - shared);
      }
    }
  }
  return static_cast<double>(computed) / static_cast<double>(tokens);
}

TEST_F(Redocred, SharedBeginningsSaveMostOfThePrompts) {
  const std::string folder = RELATA_SHARED "/data/tokenizers/llama2";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  const auto tokenizer = text::load_tokenizer(folder).value();
  keep(100);
  extractor_.schema = data::read_schema(RELATA_TEST_FILES "/../../schemas/redocred.json").value();
  extractor_.config = default_config("rhf");
  const auto share = [&](bool document_first) {
    extractor_.pipeline = builtin_pipeline({"rhf", "en", "list", document_first}).value();
    return computed_share(
        step_examples(extractor_, *tokenizer, documents_, autore_row_options(false)).value());
  };
  EXPECT_LE(share(true), 0.20);
  EXPECT_LE(share(false), 0.55);
}

// The template in the manual is the program's own.
TEST(Documentation, TheTemplateIsTheBuiltinOne) {
  const std::string text = read_file(RELATA_TEST_FILES "/../../docs/documents.md").value();
  const size_t begin = text.find("name: rhf\n");
  ASSERT_NE(begin, std::string::npos);
  const auto read = parse_pipeline(text.substr(begin, text.find("```", begin) - begin), "manual");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(pipeline_yaml(read.value()), pipeline_yaml(builtin_pipeline({}).value()));
}

}  // namespace
}  // namespace relata::extract
