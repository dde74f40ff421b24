#include "settings.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "relata/base/hash.h"

namespace relata::train {
namespace {

constexpr std::array kLengthKeys = {"max_steps", "num_train_epochs", "max_train_minutes",
                                    "early_stopping_patience"};
// These change nothing of what a step does to the weights.
constexpr std::array kFreeKeys = {"output_dir",
                                  "logging_steps",
                                  "eval_steps",
                                  "eval_minutes",
                                  "save_steps",
                                  "save_total_limit",
                                  "resume_from_checkpoint",
                                  "overwrite_output_dir"};
constexpr size_t kMostShown = 5;

template <class Names>
bool contains(const Names& names, std::string_view key) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

// {"value", "sha256"} stands for content; anything else for itself.
const Json& compared(const Json& setting) {
  return setting.is_object() && setting.contains("sha256") ? setting["sha256"] : setting;
}

std::string plain(const Json& value) {
  if (value.is_null() || value == "") return "not set";
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string shown(const Json& setting) {
  if (!setting.is_object() || !setting.contains("sha256")) return plain(setting);
  constexpr size_t kDigits = 19;  // "sha256:" and twelve digits tell two contents apart
  const std::string identity = plain(setting["sha256"]).substr(0, kDigits);
  if (!setting.contains("value") || setting["value"].is_null()) return identity;
  return plain(setting["value"]) + " (" + identity + ")";
}

const Json& setting_of(const Json& settings, const std::string& key) {
  static const Json kNone;
  const auto found = settings.find(key);
  return found == settings.end() ? kNone : *found;
}

}  // namespace

std::vector<std::string> differing_keys(const Json& before, const Json& now) {
  std::vector<std::string> keys;
  std::set<std::string> seen;
  for (const Json* settings : {&now, &before}) {
    for (const auto& [key, value] : settings->items()) {
      if (!seen.insert(key).second) continue;
      if (compared(setting_of(before, key)) != compared(setting_of(now, key))) keys.push_back(key);
    }
  }
  return keys;
}

Json stated_settings(const TrainerConfig& config) {
  Json settings = trainer_config_to_json(config);
  settings["gradient_accumulation_steps"] =
      config.gradient_accumulation_steps * config.process_count();
  settings.update(config.settings);
  return settings;
}

Json run_settings(const TrainerConfig& config, const std::string& items,
                  const std::vector<model::Decoder::Parameter>& parameters) {
  Json settings = stated_settings(config);
  Json data = Json::object();
  data["value"] = setting_of(config.settings, "dataset");
  data["sha256"] = items;
  settings["dataset"] = std::move(data);
  std::string names;
  for (const auto& p : parameters) names += p.name + " " + std::to_string(p.value.numel()) + "\n";
  settings["trained weights"]["sha256"] = "sha256:" + sha256_hex(names);
  return settings;
}

Status check_same_settings(const Json& before, const Json& now, const std::string& where) {
  std::string list;
  std::string first;
  size_t count = 0;
  for (const std::string& key : differing_keys(before, now)) {
    if (contains(kLengthKeys, key) || contains(kFreeKeys, key)) continue;
    if (first.empty()) first = key;
    if (++count > kMostShown) continue;
    list += (list.empty() ? "" : "; ") + key + " was " + shown(setting_of(before, key)) + ", now " +
            shown(setting_of(now, key));
  }
  if (count == 0) return {};
  if (count > kMostShown) list += "; and " + std::to_string(count - kMostShown) + " more";
  return usage_error(
      where + ": this checkpoint belongs to a run with other data or settings: " + list,
      "to go on, give " + first +
          " its old value; to begin again, leave resume_from_checkpoint out and set "
          "overwrite_output_dir=true or another output_dir");
}

bool length_differs(const Json& before, const Json& now) {
  return std::any_of(kLengthKeys.begin(), kLengthKeys.end(), [&](const char* key) {
    return setting_of(before, key) != setting_of(now, key);
  });
}

}  // namespace relata::train
