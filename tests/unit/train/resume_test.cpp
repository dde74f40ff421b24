// Checkpoints: going on to the same weights, and refusing what belongs to another run.
#include "relata/base/log.h"
#include "run_test.h"

namespace relata::train {
namespace {

using Names = std::vector<std::string>;

class Resume : public TrainRun {
 protected:
  void SetUp() override {
    TrainRun::SetUp();
    config_.save_steps = 2;
    config_.save_total_limit = 5;
    set_log_level(LogLevel::kQuiet);
  }
  void TearDown() override {
    set_log_level(LogLevel::kNormal);
    TrainRun::TearDown();
  }
  Result<TrainSummary> resume(const std::shared_ptr<model::Decoder>& model) {
    config_.resume_from_checkpoint = "auto";
    return run(model);
  }
  // What resuming after a change says.
  Error refusal() {
    const auto result = resume(tiny_model());
    return result.ok() ? Error{ErrorCode::kInternal, "(no error)", ""} : result.error();
  }
};

void expect_words(const Error& error, ErrorCode code, const Names& words) {
  EXPECT_EQ(error.code, code) << error.message;
  for (const std::string& word : words) {
    EXPECT_NE(error.message.find(word), std::string::npos) << error.message << "\nno " << word;
  }
}

TEST_F(Resume, GoesOnToTheSameWeights) {
  config_.dropout = 0.1;
  config_.ema_decay = 0.9;
  config_.max_steps = 6;
  const auto whole = tiny_model();
  ASSERT_TRUE(run(whole).ok());
  std::filesystem::remove_all(folder_ + "/checkpoint-6");
  std::filesystem::remove_all(folder_ + "/checkpoint-4");
  const auto resumed = tiny_model();
  const auto summary = resume(resumed);
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->steps, 6);
  EXPECT_TRUE(at::equal(weights_of(*whole), weights_of(*resumed)));
}

TEST_F(Resume, AnyNumberOfTheConfigurationThatDiffersIsNamedWithBothValues) {
  ASSERT_TRUE(run(tiny_model()).ok());
  const TrainerConfig first = config_;
  const auto differs = [&](const std::string& key, auto TrainerConfig::*member, auto value,
                           const Names& values) {
    config_ = first;
    config_.*member = value;
    Names words = values;
    words.push_back(key);
    words.emplace_back("other data or settings");
    expect_words(refusal(), ErrorCode::kUsage, words);
  };
  differs("learning_rate", &TrainerConfig::learning_rate, 0.5, {"0.01", "0.5"});
  differs("adam_beta1", &TrainerConfig::adam_beta1, 0.8, {"0.9", "0.8"});
  differs("adam_beta2", &TrainerConfig::adam_beta2, 0.99, {"0.999", "0.99"});
  differs("adam_epsilon", &TrainerConfig::adam_epsilon, 1e-6, {"1e-08", "1e-06"});
  differs("weight_decay", &TrainerConfig::weight_decay, 0.1, {"0.1"});
  differs("token_dropout_id", &TrainerConfig::token_dropout_id, 3, {"3"});
  differs("seed", &TrainerConfig::seed, 7, {"42", "7"});
  differs("shuffle", &TrainerConfig::shuffle, false, {"true", "false"});
}

TEST_F(Resume, WhatIsKnownBeforehandIsComparedBeforehand) {
  config_.settings["lora_alpha"] = 16;
  config_.settings["schema"] = {{"value", "s"}, {"sha256", "sha256:aaaa"}};
  EXPECT_TRUE(check_resume(config_).ok());
  ASSERT_TRUE(run(tiny_model()).ok());
  config_.learning_rate = 0.5;
  EXPECT_TRUE(check_resume(config_).ok());  // does not go on
  for (const std::string& choice :
       {std::string("auto"), std::string("true"), folder_ + "/" + checkpoints().back()}) {
    config_.resume_from_checkpoint = choice;
    const Status refused = check_resume(config_);
    ASSERT_FALSE(refused.ok()) << choice;
    expect_words(refused.error(), ErrorCode::kUsage, {"learning_rate was 0.01, now 0.5"});
  }
  config_.learning_rate = 0.01;
  config_.max_steps = 50;
  config_.settings.erase("schema");  // not read yet
  EXPECT_TRUE(check_resume(config_).ok());
  config_.settings["lora_alpha"] = 32;
  EXPECT_FALSE(check_resume(config_).ok());
}

TEST_F(Resume, TheCallerWritesWhenAllIsInOrder) {
  int begun = 0;
  config_.begins = [&begun] {
    ++begun;
    return Status();
  };
  ASSERT_TRUE(run(tiny_model()).ok());
  EXPECT_EQ(begun, 1);
  config_.learning_rate = 0.5;
  EXPECT_EQ(refusal().code, ErrorCode::kUsage);
  EXPECT_EQ(begun, 1);
}

TEST_F(Resume, SettingsOfTheCallerAreNamedToo) {
  config_.settings["lora_alpha"] = 16;
  config_.settings["model_name_or_path"] = {{"value", "models/a"}, {"sha256", "sha256:aaaa"}};
  ASSERT_TRUE(run(tiny_model()).ok());
  config_.settings["lora_alpha"] = 32;
  expect_words(refusal(), ErrorCode::kUsage, {"lora_alpha was 16, now 32"});
  config_.settings["lora_alpha"] = 16;
  config_.settings["model_name_or_path"] = {{"value", "models/b"}, {"sha256", "sha256:bbbb"}};
  expect_words(refusal(), ErrorCode::kUsage,
               {"model_name_or_path was models/a (sha256:aaaa), now models/b (sha256:bbbb)"});
  // The same content under another name is the same.
  config_.settings["model_name_or_path"]["sha256"] = "sha256:aaaa";
  EXPECT_TRUE(resume(tiny_model()).ok());
}

TEST_F(Resume, OtherRowsOrWeightsAreRefused) {
  for (Row& row : rows_) row.secondary.assign(row.ids.size(), 1.0F);
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto rows = rows_;
  rows_[3].ids[2] = 5;
  rows_[3].ids[3] = 5;
  expect_words(refusal(), ErrorCode::kUsage, {"dataset"});
  rows_ = rows;
  rows_[3].secondary[2] = 0.5F;
  expect_words(refusal(), ErrorCode::kUsage, {"dataset"});
  rows_ = rows;
  rows_.pop_back();
  expect_words(refusal(), ErrorCode::kUsage, {"dataset"});
}

TEST_F(Resume, LengthLoggingSavingAndEvaluationMayChange) {
  ASSERT_TRUE(run(tiny_model()).ok());
  config_.max_steps = 7;
  config_.logging_steps = 2;
  config_.save_steps = 3;
  config_.eval_steps = 2;
  const auto more = resume(tiny_model());
  ASSERT_TRUE(more.ok()) << more.error().message;
  EXPECT_EQ(more->steps, 7);
  config_.max_steps = 3;
  expect_words(refusal(), ErrorCode::kUsage, {"max_steps", "step 7"});
}

TEST_F(Resume, ANewRunLeavesTheCheckpointsOfAnotherAndKeepsItsOwn) {
  config_.max_steps = 6;
  ASSERT_TRUE(run(tiny_model()).ok());
  EXPECT_EQ(checkpoints(), (Names{"checkpoint-2", "checkpoint-4", "checkpoint-6"}));
  config_.learning_rate = 0.02;
  config_.max_steps = 3;
  config_.save_steps = 1;
  config_.save_total_limit = 1;
  const auto second = tiny_model();
  ASSERT_TRUE(run(second).ok());
  // checkpoint-2 was written over by the second run's own, which was then one too many.
  EXPECT_EQ(checkpoints(), (Names{"checkpoint-3", "checkpoint-4", "checkpoint-6"}));
  const auto again = tiny_model();
  const auto summary = resume(again);
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->steps, 3);
  EXPECT_TRUE(at::equal(weights_of(*second), weights_of(*again)));
}

TEST_F(Resume, ARunThatGoesBackLeavesWhatCameAfter) {
  config_.max_steps = 6;
  ASSERT_TRUE(run(tiny_model()).ok());
  config_.resume_from_checkpoint = folder_ + "/checkpoint-2";
  config_.max_steps = 5;
  config_.save_total_limit = 1;
  const auto back = tiny_model();
  ASSERT_TRUE(run(back).ok());
  // checkpoint-4 was written over by this run's own, which was then one too many.
  EXPECT_EQ(checkpoints(), (Names{"checkpoint-2", "checkpoint-5", "checkpoint-6"}));
  const auto again = tiny_model();
  const auto summary = resume(again);  // not from step 6 of the other course
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->steps, 5);
  EXPECT_TRUE(at::equal(weights_of(*back), weights_of(*again)));
}

TEST_F(Resume, ARunThatGoesBackIsTheFoldersOnceItHasACheckpoint) {
  config_.max_steps = 6;
  ASSERT_TRUE(run(tiny_model()).ok());
  const TrainerConfig first = config_;
  config_.resume_from_checkpoint = folder_ + "/checkpoint-2";
  config_.save_steps = 0;  // as if killed before the first one
  ASSERT_TRUE(run(tiny_model()).ok());
  config_ = first;
  const auto summary = resume(tiny_model());
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->tokens, 0);  // from checkpoint-6, where all is done
}

TEST_F(Resume, WhetherItGoesOnIsKnownBeforehand) {
  EXPECT_FALSE(resumes(config_).value());
  config_.resume_from_checkpoint = "auto";
  EXPECT_FALSE(resumes(config_).value());
  ASSERT_TRUE(run(tiny_model()).ok());
  EXPECT_TRUE(resumes(config_).value());
  config_.resume_from_checkpoint = "false";
  EXPECT_FALSE(resumes(config_).value());
}

TEST_F(Resume, ARunWithoutACheckpointYetBeginsAgain) {
  config_.max_steps = 6;
  ASSERT_TRUE(run(tiny_model()).ok());
  config_.learning_rate = 0.02;
  config_.max_steps = 3;
  config_.save_steps = 0;  // as if killed before the first one
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto summary = resume(tiny_model());
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->steps, 3);
}

TEST_F(Resume, CheckpointsOfAnOlderRelataAreOfAnotherRun) {
  const std::string old = folder_ + "/checkpoint-90";
  ASSERT_TRUE(write_file_atomic(old + "/trainer_state.json",
                                "{\"global_step\": 90, \"fingerprint\": \"4d7a\"}")
                  .ok());
  expect_words(refusal(), ErrorCode::kUsage, {"checkpoint-90", "does not say with which settings"});
  config_.resume_from_checkpoint = "";
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto again = resume(tiny_model());  // not from the older one's
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(std::filesystem::exists(old));
}

TEST_F(Resume, ADamagedStateIsBadInput) {
  ASSERT_TRUE(run(tiny_model()).ok());
  const std::string path = folder_ + "/checkpoint-4/trainer_state.json";
  const Json good = read_json(path).value();
  const auto with = [&](const std::string& key, const Json& value) {
    Json changed = good;
    changed[key] = value;
    return changed.dump();
  };
  for (const std::string& text :
       {std::string("{\"global_st"), std::string("{}"), std::string("[1]"), std::string("7"),
        with("global_step", "x"), with("global_step", -1), with("next_row", 16),
        with("next_row", 4294967301), with("epoch", 1.5), with("best_metric", "high"),
        with("has_best", true), with("run", 5), with("settings", 5), with("settings", nullptr),
        with("extra", 1), std::string("")}) {
    ASSERT_TRUE(write_file_atomic(path, text).ok());
    const Error error = refusal();
    EXPECT_EQ(error.code, ErrorCode::kBadInput) << text << "\n" << error.message;
    EXPECT_NE(error.message.find("checkpoint-4"), std::string::npos) << error.message;
    EXPECT_FALSE(error.hint.empty()) << text;
  }
}

TEST_F(Resume, WhatACheckpointLacksIsNamed) {
  ASSERT_TRUE(run(tiny_model()).ok());
  config_.resume_from_checkpoint = folder_;
  const auto whole = run(tiny_model());
  ASSERT_FALSE(whole.ok());
  expect_words(whole.error(), ErrorCode::kUsage, {"no checkpoint", "trainer_state.json"});
  for (const std::string name : {"rng_state.safetensors", "state.safetensors"}) {
    std::filesystem::remove(folder_ + "/checkpoint-4/" + name);
    const Error error = refusal();
    expect_words(error, ErrorCode::kBadInput, {"checkpoint-4", name});
    EXPECT_NE(error.hint.find("an older one"), std::string::npos);
  }
}

TEST_F(Resume, AFinishedRunIsNotWrittenOverUnasked) {
  EXPECT_TRUE(check_output_dir(config_).ok());
  ASSERT_TRUE(run(tiny_model()).ok());
  EXPECT_TRUE(check_output_dir(config_).ok());  // not finished before its result is there
  ASSERT_TRUE(mark_finished(folder_).ok());
  const Status refused = check_output_dir(config_);
  ASSERT_FALSE(refused.ok());
  expect_words(refused.error(), ErrorCode::kUsage, {"output_dir", folder_, "finished"});
  EXPECT_NE(refused.error().hint.find("overwrite_output_dir=true"), std::string::npos);
  config_.resume_from_checkpoint = "auto";
  EXPECT_TRUE(check_output_dir(config_).ok());
  config_.resume_from_checkpoint = "";
  config_.overwrite_output_dir = true;
  EXPECT_TRUE(check_output_dir(config_).ok());
  ASSERT_TRUE(run(tiny_model()).ok());  // begins again: no longer finished
  config_.overwrite_output_dir = false;
  EXPECT_TRUE(check_output_dir(config_).ok());
}

TEST_F(Resume, AFinishedFolderWithoutARecordIsKnownByItsResult) {
  ASSERT_TRUE(write_file_atomic(folder_ + "/train_config.yaml", "a: 1\n").ok());
  EXPECT_FALSE(check_output_dir(config_).ok());
  config_.resume_from_checkpoint = "auto";
  const Status refused = check_output_dir(config_);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("without a checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace relata::train
