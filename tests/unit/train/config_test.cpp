#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "relata/train/trainer.h"

namespace relata::train {
namespace {

Status read(const std::string& yaml, TrainerConfig& config) {
  const Json json = parse_yaml(yaml, "test").value();
  Fields fields(json, "r.yaml");
  read_trainer_config(fields, config);
  return fields.finish();
}

TEST(TrainerConfig, RefusesEveryNumberThatMakesNoSense) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> bad = {
      {"learning_rate", {"-1", "1e9", ".inf", ".nan", "x"}},
      {"warmup_ratio", {"-0.1", "2", ".nan"}},
      {"warmup_steps", {"-1", "1.5"}},
      {"num_train_epochs", {"0", "-3", ".inf"}},
      {"max_steps", {"-2", ".inf"}},
      {"max_train_minutes", {"-1", ".inf"}},
      {"per_device_train_batch_size", {"0", "-4", "2000000"}},
      {"gradient_accumulation_steps", {"0", "-1"}},
      {"weight_decay", {"-0.1", ".inf"}},
      {"adam_beta1", {"-0.1", "1", "1.5"}},
      {"adam_beta2", {"-0.1", "1", "1.5"}},
      {"adam_epsilon", {"0", "-1e-8", "1e-40"}},
      {"max_grad_norm", {"-1", ".inf"}},
      {"dropout", {"-0.1", "1", "1.5"}},
      {"token_dropout", {"-0.1", "1.5"}},
      {"token_dropout_id", {"-1", "4294967301"}},
      {"prompt_loss_weight", {"-1", ".inf"}},
      {"prompt_loss_share", {"-0.1", "1.5"}},
      {"ema_decay", {"-0.1", "1"}},
      {"seed", {"-1", "1e30"}},
      {"logging_steps", {"-1"}},
      {"eval_steps", {"-1"}},
      {"eval_minutes", {"-1", ".inf"}},
      {"save_steps", {"-1"}},
      {"save_total_limit", {"0", "-1"}},
      {"early_stopping_patience", {"-1"}}};
  for (const auto& [key, values] : bad) {
    for (const std::string& value : values) {
      TrainerConfig config;
      const Status status = read(key + ": " + value, config);
      ASSERT_FALSE(status.ok()) << key << ": " << value;
      EXPECT_EQ(status.error().code, ErrorCode::kUsage);
      EXPECT_NE(status.error().message.find("'" + key + "' must be"), std::string::npos)
          << status.error().message;
    }
  }
}

TEST(TrainerConfig, TakesTheEdgesOfItsRanges) {
  TrainerConfig config;
  const Status status = read(
      "learning_rate: 0\nwarmup_ratio: 1\nmax_steps: -1\nadam_beta1: 0\ndropout: 0\n"
      "token_dropout: 1\nprompt_loss_share: 0\nmax_grad_norm: 0\nseed: 0\nsave_total_limit: 1\n",
      config);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(config.warmup_ratio, 1.0);
  EXPECT_EQ(config.save_total_limit, 1);
}

TEST(TrainerConfig, IsReadBackFromItsJson) {
  TrainerConfig config;
  config.output_dir = "out";
  config.learning_rate = 3e-4;
  config.lr_scheduler_type = "linear";
  config.max_steps = 12;
  config.shuffle = false;
  const Json json = trainer_config_to_json(config);
  Fields fields(json, "again");
  TrainerConfig again;
  read_trainer_config(fields, again);
  ASSERT_TRUE(fields.finish().ok());
  EXPECT_EQ(trainer_config_to_json(again), json);
  EXPECT_EQ(again.learning_rate, 3e-4);
  EXPECT_FALSE(again.shuffle);
}

TEST(TrainerConfig, IsCheckedAlsoWhenItWasNotRead) {
  TrainerConfig config;
  EXPECT_TRUE(check_trainer_config(config).ok());
  config.adam_beta2 = 1.5;
  const Status status = check_trainer_config(config);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("adam_beta2"), std::string::npos);
}

}  // namespace
}  // namespace relata::train
