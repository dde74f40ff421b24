// A tiny model, rows to train it on, and a folder to train into.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/model/decoder.h"
#include "relata/train/trainer.h"

namespace relata::train {

class TrainRun : public testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);  // more would wait for each other at this size
    folder_ = (std::filesystem::temp_directory_path() / "relata_train_XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    config_.output_dir = folder_;
    config_.learning_rate = 0.01;
    config_.max_steps = 4;
    config_.per_device_train_batch_size = 4;
    config_.logging_steps = 1;
    std::mt19937 random(3);
    for (int i = 0; i < 16; ++i) {
      Row& row = rows_.emplace_back();
      row.ids = {1};
      for (int t = 0; t < 6; ++t) row.ids.push_back(static_cast<int32_t>(3 + random() % 27));
      row.weights.assign(row.ids.size(), 0.0F);
      row.weights[5] = row.weights[6] = 1.0F;
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::shared_ptr<model::Decoder> tiny_model(uint64_t seed = 1) {
    model::DecoderConfig c;
    c.vocab_size = 31;
    c.hidden_size = 16;
    c.intermediate_size = 24;
    c.num_layers = 2;
    c.num_heads = 2;
    c.num_kv_heads = 2;
    c.head_dim = 8;
    c.max_positions = 32;
    return model::Decoder::random(c, seed);
  }
  // All trained weights, one after the other.
  static at::Tensor weights_of(const model::Decoder& model) {
    std::vector<at::Tensor> parts;
    for (const auto& p : model.trainable()) parts.push_back(p.value.detach().flatten().clone());
    return at::cat(parts);
  }
  Result<TrainSummary> run(const std::shared_ptr<model::Decoder>& model,
                           const Evaluate& evaluate = {}) const {
    return train(*model, rows_, config_, evaluate);
  }
  // The log's lines that have the key.
  std::vector<Json> log_lines(const std::string& key) const {
    std::vector<Json> lines;
    const std::string text = read_file(folder_ + "/train_log.jsonl").value();
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin);
      const Json line = parse_json(text.substr(begin, end - begin), "log").value();
      if (line.contains(key)) lines.push_back(line);
      begin = end + 1;
    }
    return lines;
  }
  std::vector<double> logged(const std::string& key) const {
    std::vector<double> values;
    for (const Json& line : log_lines(key)) values.push_back(line[key].get<double>());
    return values;
  }
  std::vector<std::string> checkpoints() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("checkpoint-")) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
  TrainerConfig config_;
  std::vector<Row> rows_;
};

}  // namespace relata::train
