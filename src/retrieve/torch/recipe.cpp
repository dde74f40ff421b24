#include <algorithm>
#include <set>

#include "relata/base/fields.h"
#include "relata/retrieve/retriever.h"

namespace relata::retrieve {
namespace {

constexpr double kMostCount = 1e9;
constexpr const char* kNoReward = "none";
constexpr double kScaleOfScores = 10.0, kScaleOfRewards = 1.0;

Result<RetrieverDataset> read_dataset_entry(const Json& value, const std::string& where) {
  if (!value.is_object()) return usage_error(where + ": a mapping of keys to values is wanted");
  RetrieverDataset out;
  std::string task;
  Fields fields(value, where);
  fields.get("name", out.name);
  fields.get_choice("task", task, {"ner", "re", "ed", "eae"});
  fields.get("files", out.files);
  fields.get("format", out.format);
  fields.get("schema", out.schema);
  fields.get("held_out", out.held_out);
  fields.get_choice("on_error", out.on_error, {"stop", "skip", "fix"});
  RELATA_CHECK(fields.finish());
  if (out.name.empty() || task.empty() || out.files.empty()) {
    return usage_error(where + ": needs name, task and files");
  }
  out.task = *ie_task_of_name(task);
  return out;
}

// A registry: a file that several recipes choose from.
Result<Json> read_registry(const std::string& path) {
  RELATA_TRY(const Json json, read_yaml(path));
  if (json.is_object() && json.contains("datasets")) return json["datasets"];
  return usage_error(path + ": there is no list `datasets` in it",
                     "see recipes/data/ruie_datasets.yaml");
}

// Leaves those of the names `only`; all where there are none.
Status choose(const std::vector<std::string>& only, const std::string& path,
              std::vector<RetrieverDataset>& datasets) {
  if (only.empty()) return {};
  std::vector<RetrieverDataset> chosen;
  for (const std::string& name : only) {
    const auto found = std::find_if(datasets.begin(), datasets.end(),
                                    [&](const auto& dataset) { return dataset.name == name; });
    if (found == datasets.end()) {
      return usage_error(path + ": only: there is no data set '" + name + "'",
                         "name some of those that `datasets` lists");
    }
    chosen.push_back(*found);
  }
  datasets = std::move(chosen);
  return {};
}

Status read_datasets(const Json& list, const std::string& path, RetrieverRecipe& recipe) {
  if (list.is_string()) {
    const auto file = list.get<std::string>();
    RELATA_TRY(const Json listed, read_registry(file));
    if (listed.is_array()) return read_datasets(listed, file, recipe);
    return usage_error(file + ": datasets must be a list");
  }
  if (!list.is_array() || list.empty()) {
    return usage_error(path + ": datasets must be a list with at least one entry",
                       "see recipes/ruie_small.yaml");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = path + ": datasets[" + std::to_string(i) + "]";
    RELATA_TRY(RetrieverDataset dataset, read_dataset_entry(list[i], where));
    if (!names.insert(dataset.name).second) {
      return usage_error(where + ": there are two of the name " + dataset.name);
    }
    recipe.datasets.push_back(std::move(dataset));
  }
  return {};
}

// Keys of the section `reward`, those of the loop with the study's values.
Status read_reward(const Json& section, const std::string& path, RetrieverRecipe& recipe) {
  RewardRecipe& reward = recipe.reward;
  reward.trainer.seed = recipe.trainer.seed;
  reward.trainer.learning_rate = 1e-5;
  reward.trainer.lr_scheduler_type = "linear";
  reward.trainer.warmup_ratio = 0.13;
  reward.trainer.per_device_train_batch_size = 32;
  reward.trainer.num_train_epochs = 1;
  reward.trainer.save_steps = 100;
  reward.trainer.resume_from_checkpoint = "auto";
  if (section.is_null()) return {};
  const std::string where = path + ": reward";
  if (!section.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "reward: {learning_rate: 1e-5, num_train_epochs: 1}");
  }
  for (const char* key : {"output_dir", "resume_from_checkpoint"}) {
    if (section.contains(key)) {
      return usage_error(where + ": " + key + " is the recipe's, not the reward model's");
    }
  }
  Fields fields(section, where);
  fields.get("passages", reward.passages, NumberRange::between(2, kMostCount));
  fields.get("max_tokens", reward.max_tokens, NumberRange::between(16, kMostCount));
  train::read_trainer_config(fields, reward.trainer);
  return fields.finish();
}

}  // namespace

Result<RetrieverRecipe> read_retriever_recipe(const std::string& path,
                                              const std::vector<std::string>& overrides) {
  RELATA_TRY(Json json, read_yaml(path));
  if (!json.is_object()) {
    return usage_error(path + ": not a mapping of keys to values", "see recipes/ruie_small.yaml");
  }
  for (const std::string& assignment : overrides) RELATA_CHECK(apply_override(json, assignment));
  RetrieverRecipe out;
  out.trainer.learning_rate = 3e-5;
  out.trainer.lr_scheduler_type = "linear";
  out.trainer.warmup_ratio = 0.07;
  out.trainer.per_device_train_batch_size = 32;
  out.trainer.num_train_epochs = 1;
  out.trainer.save_steps = 100;
  out.trainer.resume_from_checkpoint = "auto";
  Json datasets, reward;
  std::vector<std::string> only;
  Fields fields(json, path);
  const auto count = [&](const char* key, int64_t& value, double low) {
    fields.get(key, value, NumberRange::between(low, kMostCount));
  };
  fields.get("datasets", datasets);
  fields.get("only", only);
  count("max_queries", out.max_queries, 1);
  count("max_pool", out.max_pool, 0);
  count("candidates", out.candidates, 2);
  fields.get("other_tasks", out.other_tasks);
  fields.get("scorer", out.scorer);
  count("scored", out.scored, 2);
  count("max_tokens", out.max_tokens, 16);
  fields.get("tags_in_scoring", out.tags_in_scoring);
  fields.get("instruction", out.instruction);
  fields.get("encoder", out.encoder);
  fields.get("reward_model", out.reward.model);
  fields.get("reward", reward);
  fields.get("tags", out.form.tags);
  std::string text_form = "block";
  fields.get_choice("text_form", text_form, {"block", "sentence"});
  out.form.sentences = text_form == "sentence";
  count("positives", out.positives, 1);
  count("negatives", out.negatives, 1);
  count("passages", out.passages, 2);
  fields.get("temperature", out.loss.temperature, NumberRange::above(0, 100));
  fields.get("divergence", out.loss.divergence, NumberRange::between(0, 1e6));
  fields.get("contrastive", out.loss.contrastive, NumberRange::between(0, 1e6));
  fields.get("query_negatives", out.loss.query_negatives);
  fields.get("passage_negatives", out.loss.passage_negatives);
  fields.get("teacher_scale", out.loss.teacher_scale, NumberRange::above(0, 1e6));
  train::read_trainer_config(fields, out.trainer);
  RELATA_CHECK(fields.finish());
  RELATA_CHECK(read_datasets(datasets, path, out));
  RELATA_CHECK(choose(only, path, out.datasets));
  out.output_dir = out.trainer.output_dir;
  out.seed = out.trainer.seed;
  for (const auto& [key, value] :
       {std::pair("output_dir", &out.output_dir), std::pair("scorer", &out.scorer),
        std::pair("encoder", &out.encoder)}) {
    if (value->empty()) return usage_error(path + ": no " + key, std::string("set ") + key);
  }
  RELATA_CHECK(read_reward(reward, path, out));
  if (out.reward.model.empty()) out.reward.model = out.encoder;
  if (out.reward.model == kNoReward) out.reward.model.clear();
  if (out.loss.teacher_scale == 0) {
    out.loss.teacher_scale = out.reward.model.empty() ? kScaleOfScores : kScaleOfRewards;
  }
  if (out.loss.divergence == 0 && out.loss.contrastive == 0) {
    return usage_error(path + ": divergence and contrastive are both 0: there is no loss");
  }
  return out;
}

}  // namespace relata::retrieve
