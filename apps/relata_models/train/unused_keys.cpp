#include "train/unused_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "relata/base/log.h"
#include "relata/extract/extractor.h"

namespace relata::app {
namespace {

struct Key {
  std::string_view name;
  Json usual;  // with which there is nothing to tell; null: there is no such value
};

struct Group {
  bool unused;
  std::string_view reason;
  std::vector<Key> keys;
};

std::vector<Group> groups(const TrainConfig& c) {
  const bool ids = c.dataset_format == "ids";
  const bool makes_rows = !ids && !c.takes_conversations();
  const bool pairs = makes_rows && extract::asks_pairs(c.pipeline);
  const bool documents = makes_rows && !pairs;
  const bool words = documents || extract::uses_demonstrations(c.pipeline);
  return {
      {ids,
       "rows of ids are trained on as they stand",
       {{"schema", nullptr},
        {"pipeline", "pair"},
        {"prompt_template", nullptr},
        {"instruction", ""},
        {"template", "none"},
        {"train_on_prompt", false},
        {"prompt_loss_weight", 0},
        {"tokenizer", nullptr}}},
      {!c.takes_conversations(), "of stage: sft", {{"dataset_dir", nullptr}}},
      {!pairs,
       "of pipelines that ask about pairs",
       {{"multi_label", "join"}, {"augment_inverse", false}, {"decode", "labels"}}},
      {!words, "of document pipelines and rag", {{"language", "en"}}},
      {!documents,
       "of document pipelines",
       {{"relation_mode", "list"},
        {"adapter_per_step", false},
        {"entity_naming", "canonical"},
        {"relation_orders", 0},
        {"head_orders", 0},
        {"relation_negatives", 0.5},
        {"head_negatives", 0.5},
        {"check_negatives", -1},
        {"empty_documents", true}}},
      {!c.model_name_or_path.empty() && !ids,
       "of new models, without model_name_or_path",
       {{"tokenizer", nullptr}}},
      {!c.model_name_or_path.empty(),
       "of new models, without model_name_or_path",
       {{"model", nullptr}}},
      {!c.adapts(),
       "of adapters, finetuning_type is full",
       {{"lora_rank", nullptr},
        {"lora_alpha", nullptr},
        {"lora_dropout", 0},
        {"lora_target", nullptr},
        {"use_rslora", false},
        {"any_base", false},
        {"dequantize", false}}},
      {c.finetuning_type != "alora", "of finetuning_type: alora", {{"alora_invocation", nullptr}}},
      {c.quantization_bit == 0,
       "without quantization_bit: 4",
       {{"quantization_type", "nf4"}, {"double_quantization", true}}},
      {c.eval_dataset.empty(),
       "without an eval_dataset",
       {{"eval_steps", 0},
        {"eval_minutes", 0},
        {"early_stopping_patience", 0},
        {"max_eval_samples", 0}}},
      {c.trainer.save_steps == 0,
       "without save_steps no checkpoint is written",
       {{"save_total_limit", nullptr}}},
      {c.trainer.max_train_minutes > 0,
       "with max_train_minutes the schedule follows the time: set warmup_ratio",
       {{"warmup_steps", 0}}},
  };
}

}  // namespace

void tell_unused_keys(const TrainConfig& config) {
  std::vector<std::string> told;
  for (const Group& group : groups(config)) {
    if (!group.unused) continue;
    std::vector<std::string_view> names;
    for (const Key& key : group.keys) {
      const auto given = config.resolved.find(key.name);
      if (given == config.resolved.end() || given->is_null() || *given == key.usual) continue;
      names.push_back(key.name);
    }
    if (!names.empty()) {
      told.push_back(fmt::format("{} ({})", fmt::join(names, ", "), group.reason));
    }
  }
  if (!told.empty()) log_warning(fmt::format("without effect: {}", fmt::join(told, "; ")));
}

}  // namespace relata::app
