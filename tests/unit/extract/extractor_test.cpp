#include "relata/extract/extractor.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "fake_engine.h"
#include "relata/base/file.h"

namespace relata::extract {
namespace {

class ExtractorFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "relata_extractor_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    extractor_.folder = folder_;
    extractor_.schema = company_schema();
    extractor_.pair_template = builtin_pair_template("cre-llm-en").value();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void append_config(const std::string& line) const {
    const std::string path = folder_ + "/extractor.yaml";
    const std::string old = read_file(path).value();
    ASSERT_TRUE(write_file_atomic(path, old + "\n" + line + "\n").ok());
  }
  Error load_error() const { return load_extractor(folder_).error(); }
  std::string folder_;
  Extractor extractor_;
};

TEST_F(ExtractorFolder, SavesAndLoads) {
  extractor_.config.threshold = 0.35;
  extractor_.config.negative_bias = -1.25;
  extractor_.config.adapter = "adapters/pair";
  extractor_.config.chat = "mistral";
  ASSERT_TRUE(save_extractor(extractor_).ok());
  const auto loaded = load_extractor(folder_);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->config.threshold, 0.35);
  EXPECT_EQ(loaded->config.negative_bias, -1.25);
  EXPECT_EQ(loaded->config.chat, "mistral");
  EXPECT_EQ(loaded->model_path(), folder_ + "/model");
  EXPECT_EQ(loaded->adapter_path(), folder_ + "/adapters/pair");
  EXPECT_EQ(loaded->schema.relation_types.size(), 4u);
  EXPECT_EQ(loaded->pair_template.prompt, extractor_.pair_template.prompt);
}

TEST_F(ExtractorFolder, AnotherSchemaMustBeExpressible) {
  const data::Schema own = extractor_.schema;
  data::Schema other;
  other.relation_types = {own.relation_types[1]};
  other.relation_types[0].id = "owns";
  ASSERT_TRUE(replace_schema(extractor_, other, "free").ok());
  EXPECT_EQ(extractor_.schema.relation_types[0].id, "owns");
  EXPECT_EQ(extractor_.left_out.size(), 3u);

  extractor_.schema = own;
  other.relation_types[0].name = "控股";
  const Status refused = replace_schema(extractor_, other, "free");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("控股"), std::string::npos);
  EXPECT_TRUE(replace_schema(extractor_, other, "labels").ok());
  extractor_.schema = own;
  extractor_.pair_template.prompt = "{relations}: " + extractor_.pair_template.prompt;
  EXPECT_TRUE(replace_schema(extractor_, other, "free").ok());
  EXPECT_FALSE(replace_schema(extractor_, data::Schema{}, "labels").ok());
}

TEST(Pipelines, UnknownNamesListWhatThereIs) {
  EXPECT_TRUE(check_pipeline("pair").ok());
  const Status unknown = check_pipeline("tripel");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().hint.find("pair"), std::string::npos);
}

TEST_F(ExtractorFolder, DocumentPipelinesKeepAllTheyHave) {
  extractor_.config = default_config("rhf");
  extractor_.config.adapters = {
      {"relation", "adapters/r"}, {"head", "adapters/h"}, {"fact", "adapters/f"}};
  extractor_.config.thresholds = {{"relation", 0.25}};
  extractor_.pipeline = builtin_pipeline({}).value();
  extractor_.calibration.emplace();
  extractor_.calibration->method = "temperature";
  extractor_.calibration->temperature = 2.5;
  ASSERT_TRUE(save_extractor(extractor_).ok());
  const Extractor read = load_extractor(folder_).value();
  EXPECT_EQ(read.config.pipeline, "rhf");
  EXPECT_EQ(read.config.decode, "constrained");
  EXPECT_EQ(read.config.max_new_tokens, 512);
  EXPECT_EQ(read.config.thresholds.at("relation"), 0.25);
  EXPECT_EQ(read.adapter_paths().at("head"), folder_ + "/adapters/h");
  EXPECT_EQ(pipeline_yaml(read.pipeline), pipeline_yaml(extractor_.pipeline));
  EXPECT_EQ(read.calibration->temperature, 2.5);
  EXPECT_EQ(step_threshold(read.config, read.pipeline.steps[0]), 0.25);
  EXPECT_EQ(step_threshold(read.config, read.pipeline.steps[1]), 0.0);
}

TEST_F(ExtractorFolder, AdaptersAndThresholdsAreTheTemplates) {
  extractor_.config = default_config("rhf");
  extractor_.pipeline = builtin_pipeline({}).value();
  extractor_.config.adapters = {{"relation", "adapters/r"}, {"head", "adapters/h"}};
  EXPECT_NE(save_extractor(extractor_).error().message.find("\"fact\""), std::string::npos);
  extractor_.config.adapters.clear();
  extractor_.config.thresholds = {{"relations", 0.5}};
  EXPECT_NE(save_extractor(extractor_).error().hint.find("\"relation\""), std::string::npos);
  extractor_.config.thresholds.clear();
  ASSERT_TRUE(save_extractor(extractor_).ok());
  for (const std::string bad : {"adapters: [a]", "adapters: {fact: 3}", "thresholds: {fact: 2}",
                                "thresholds: 1", "decode: labels", "threshold: 0.5"}) {
    ASSERT_TRUE(
        write_file_atomic(folder_ + "/extractor.yaml", "pipeline: rhf\n" + bad + "\n").ok());
    EXPECT_NE(load_error().message.find("extractor.yaml"), std::string::npos) << bad;
  }
}

TEST_F(ExtractorFolder, AbsoluteModelsStay) {
  extractor_.config.model = "/models/llama";
  EXPECT_EQ(extractor_.model_path(), "/models/llama");
  EXPECT_EQ(extractor_.adapter_path(), "");
}

TEST_F(ExtractorFolder, UnknownKeyIsAnError) {
  ASSERT_TRUE(save_extractor(extractor_).ok());
  append_config("thresold: 0.1");
  EXPECT_NE(load_error().message.find("thresold"), std::string::npos);
}

TEST_F(ExtractorFolder, NewerFormatSaysUpgrade) {
  ASSERT_TRUE(make_folders(folder_).ok());
  ASSERT_TRUE(write_file_atomic(folder_ + "/extractor.yaml", "format_version: 2\nnew: 1\n").ok());
  EXPECT_EQ(load_error().hint, "upgrade relata");
}

TEST_F(ExtractorFolder, MissingFilesAreNamed) {
  EXPECT_NE(load_error().message.find("extractor.yaml"), std::string::npos);
  ASSERT_TRUE(save_extractor(extractor_).ok());
  std::filesystem::remove(folder_ + "/schema.json");
  EXPECT_NE(load_error().message.find("schema.json"), std::string::npos);
  ASSERT_TRUE(save_extractor(extractor_).ok());
  std::filesystem::remove(folder_ + "/templates/pair.yaml");
  EXPECT_NE(load_error().message.find("pair.yaml"), std::string::npos);
}

TEST_F(ExtractorFolder, DamagedFilesAreConfiguration) {
  extractor_.config = default_config("rhf");
  extractor_.pipeline = builtin_pipeline({}).value();
  for (const std::string file :
       {"extractor.yaml", "schema.json", "templates/rhf.yaml", "calibration.json"}) {
    ASSERT_TRUE(save_extractor(extractor_).ok());
    for (const std::string damage : {"{", "", "[]", "\xff", "{\"relation_types\": 3}"}) {
      ASSERT_TRUE(write_file_atomic(folder_ + "/" + file, damage).ok());
      EXPECT_EQ(load_error().code, ErrorCode::kUsage) << file << ": " << damage;
      EXPECT_NE(load_error().message.find(file), std::string::npos) << load_error().message;
    }
  }
}

TEST_F(ExtractorFolder, WrongValuesAreErrors) {
  for (const std::string bad :
       {"threshold: 1.5", "decode: beam", "pipeline: document", "max_new_tokens: 0", "chat: foo",
        "format_version: 0", "model: \"\"", "template: \"\""}) {
    ASSERT_TRUE(make_folders(folder_).ok());
    ASSERT_TRUE(write_file_atomic(folder_ + "/extractor.yaml", bad + "\n").ok());
    EXPECT_NE(load_error().message.find("extractor.yaml"), std::string::npos) << bad;
  }
}

}  // namespace
}  // namespace relata::extract
