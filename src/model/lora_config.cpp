#include "relata/model/lora_config.h"

#include <unicode/regex.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relata/base/member_reader.h"

namespace relata::model {
namespace {

constexpr int64_t kMaxRank = 1 << 16;
constexpr const char* kAllLinear = "all-linear";

// Members of PEFT's file that change what the adapter computes, in ways not implemented here. Any
// value but null, false, an empty list or an empty object is refused.
constexpr std::array kUnsupported = {"arrow_config",
                                     "exclude_modules",
                                     "fan_in_fan_out",
                                     "kasa_config",
                                     "layer_replication",
                                     "layers_to_transform",
                                     "lora_bias",
                                     "modules_to_save",
                                     "monteclora_config",
                                     "target_parameters",
                                     "trainable_token_indices",
                                     "use_bdlora",
                                     "use_dora",
                                     "use_qalora",
                                     "velora_config"};

bool is_unset(const Json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
         (value.is_structured() && value.empty());
}

// A group's name as ICU allows it, without underscores: its number among the names so far.
std::string plain_group(const std::string& name, std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  const auto number = found - names.begin();
  if (found == names.end()) names.push_back(name);
  std::string plain = "g";
  plain += std::to_string(number);
  return plain;
}

// Python's expression as ICU's: named groups, (?P<name>...) and (?P=name), are written otherwise.
std::string from_python(const std::string& text) {
  constexpr std::string_view kGroup = "(?P<", kBack = "(?P=";
  std::vector<std::string> names;
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    const bool group = rest.starts_with(kGroup);
    const size_t end = rest.find(group ? '>' : ')');
    if (!in_class && (group || rest.starts_with(kBack)) && end != std::string_view::npos) {
      const std::string name(rest.substr(kGroup.size(), end - kGroup.size()));
      out.append(group ? "(?<" : "\\k<").append(plain_group(name, names)).append(">");
      i += end + 1;
      continue;
    }
    const size_t size = text[i] == '\\' ? std::min<size_t>(2, rest.size()) : 1;
    if (text[i] == '[') in_class = true;
    if (text[i] == ']') in_class = false;
    out += rest.substr(0, size);
    i += size;
  }
  return out;
}

// Null for what is no regular expression.
std::unique_ptr<icu::RegexPattern> expression(const std::string& text) {
  UErrorCode code = U_ZERO_ERROR;
  UParseError place;
  std::unique_ptr<icu::RegexPattern> out(
      icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(from_python(text)), 0, place, code));
  if (U_FAILURE(code) != 0) return nullptr;
  return out;
}

bool matches(const std::string& pattern, const std::string& text) {
  const auto compiled = expression(pattern);
  if (!compiled) return false;
  UErrorCode code = U_ZERO_ERROR;
  const icu::UnicodeString input = icu::UnicodeString::fromUTF8(text);
  const std::unique_ptr<icu::RegexMatcher> matcher(compiled->matcher(input, code));
  return U_SUCCESS(code) != 0 && matcher->matches(code) != 0;
}

bool ends_with_module(const std::string& module, const std::string& suffix) {
  if (module == suffix) return true;
  return module.size() > suffix.size() && module.ends_with("." + suffix);
}

template <class T>
using Patterns = std::vector<std::pair<std::string, T>>;

// PEFT's rule for the keys of its patterns: the whole name, or what follows a dot.
template <class T>
T by_pattern(const Patterns<T>& patterns, const std::string& module, T fallback) {
  for (const auto& [key, value] : patterns) {
    if (ends_with_module(module, key) || matches("(.*\\.)?(" + key + ")", module)) return value;
  }
  return fallback;
}

// What is stored for each key of a pattern, where it can be that.
std::optional<int64_t> rank_value(const Json& number) {
  const auto rank = MemberReader::whole_number(number);
  return rank && *rank > 0 && *rank <= kMaxRank ? rank : std::nullopt;
}
std::optional<double> alpha_value(const Json& number) {
  if (!number.is_number() || !std::isfinite(number.get<double>())) return {};
  return number.get<double>();
}

template <class T>
void read_pattern(MemberReader& file, const char* key, const char* wanted,
                  std::optional<T> (*value_of)(const Json&), Patterns<T>& out) {
  const Json* value = file.find(key);
  if (value == nullptr) return;
  if (!value->is_object()) return file.refuse(key, "an object of numbers");
  for (const auto& [name, number] : value->items()) {
    const std::optional<T> read = value_of(number);
    if (!read || !expression(name)) return file.refuse(key, wanted);
    out.emplace_back(name, *read);
  }
}

void read_targets(MemberReader& file, LoraConfig& config) {
  const Json* targets = file.find("target_modules");
  if (targets == nullptr) {
    return file.fail("\"target_modules\" is missing");
  }
  config.targets.clear();
  if (targets->is_string()) {
    if (*targets == kAllLinear) {
      config.targets = {kAllLinear};
      return;
    }
    config.target_pattern = targets->get<std::string>();
    if (!expression(config.target_pattern)) {
      file.refuse("target_modules", "a list of module names or a regular expression");
    }
    return;
  }
  const bool good = targets->is_array() && !targets->empty() &&
                    std::all_of(targets->begin(), targets->end(), [](const Json& item) {
                      return item.is_string() && !item.get_ref<const std::string&>().empty();
                    });
  if (!good) return file.refuse("target_modules", "a list of module names");
  for (const Json& item : *targets) {
    const auto name = item.get<std::string>();
    if (std::find(config.targets.begin(), config.targets.end(), name) == config.targets.end()) {
      config.targets.push_back(name);
    }
  }
}

// These start from, and leave behind, base weights that differ from the checkpoint's.
bool changes_base_weights(const std::string& method) {
  return method.starts_with("pissa") || method == "olora" || method == "corda" ||
         method == "loftq" || method == "lora_ga";
}

Json plain_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

}  // namespace

bool LoraConfig::targeted(const std::string& module) const {
  if (!target_pattern.empty()) return matches(target_pattern, module);
  return std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
    return target == kAllLinear || ends_with_module(module, target);
  });
}

int64_t LoraConfig::rank_of(const std::string& module) const {
  return by_pattern(rank_pattern, module, rank);
}

double LoraConfig::scale_of(const std::string& module) const {
  const auto r = static_cast<double>(rank_of(module));
  const double a = by_pattern(alpha_pattern, module, alpha);
  return rslora ? a / std::sqrt(r) : a / r;
}

size_t adapter_begin(const LoraConfig& config, const std::vector<int32_t>& ids) {
  if (config.invocation.empty()) return 0;
  const auto found =
      std::find_end(ids.begin(), ids.end(), config.invocation.begin(), config.invocation.end());
  return static_cast<size_t>(found - ids.begin());
}

Result<LoraConfig> lora_config_from_json(const Json& value, const std::string& where) {
  if (!value.is_object()) return input_error(where + ": a JSON object is wanted");
  MemberReader file(value, where);
  const std::string type = file.string("peft_type", "LORA");
  if (type != "LORA") {
    file.fail("adapter type \"" + type + "\" is not supported", "only LORA adapters can be used");
  }
  for (const char* key : kUnsupported) {
    const Json* member = file.find(key);
    if (member == nullptr || is_unset(*member)) continue;
    file.fail(MemberReader::quoted(key) + " is not supported",
              "merge the adapter into its model with PEFT and use the merged model");
  }
  const std::string bias = file.string("bias", "none");
  if (bias != "none") {
    file.fail("\"bias\" of \"" + bias + "\" is not supported",
              "merge the adapter into its model with PEFT and use the merged model");
  }
  const Json* start = file.find("init_lora_weights");
  if (start != nullptr && start->is_string() && changes_base_weights(start->get<std::string>())) {
    file.fail("\"init_lora_weights\" of \"" + start->get<std::string>() +
                  "\" needs base weights that are not in the checkpoint",
              "save the adapter again with PEFT's path_initial_model_for_weight_conversion");
  }

  LoraConfig config;
  config.rank = file.required_integer("r", 1, kMaxRank);
  config.alpha = file.number("lora_alpha", 8.0);  // PEFT's default
  config.dropout = file.number("lora_dropout", 0.0);
  if (config.dropout < 0.0 || config.dropout >= 1.0) {
    file.refuse("lora_dropout", "at least 0 and below 1");
  }
  config.rslora = file.boolean("use_rslora", false);
  config.base_model = file.string("base_model_name_or_path", "");
  read_targets(file, config);
  read_pattern(file, "rank_pattern", "an object of module names with whole numbers above 0",
               rank_value, config.rank_pattern);
  read_pattern(file, "alpha_pattern", "an object of module names with numbers", alpha_value,
               config.alpha_pattern);
  if (const Json* tokens = file.find("alora_invocation_tokens"); tokens != nullptr) {
    const bool good =
        tokens->is_array() && std::all_of(tokens->begin(), tokens->end(), [](const Json& id) {
          const auto number = MemberReader::whole_number(id);
          return number && *number >= 0 && *number <= INT32_MAX;
        });
    if (!good) file.refuse("alora_invocation_tokens", "a list of token ids");
    for (size_t i = 0; good && i < tokens->size(); ++i) {
      config.invocation.push_back(static_cast<int32_t>(*MemberReader::whole_number((*tokens)[i])));
    }
  }
  if (file.error()) return *file.error();
  return config;
}

Json lora_config_to_json(const LoraConfig& config) {
  // Only keys that the oldest PEFT with use_rslora knows: older ones refuse keys they do not know.
  const bool all = config.targets == std::vector<std::string>{kAllLinear};
  Json value;
  value["peft_type"] = "LORA";
  value["task_type"] = config.task_type;
  value["base_model_name_or_path"] =
      config.base_model.empty() ? Json(nullptr) : Json(config.base_model);
  value["r"] = config.rank;
  value["lora_alpha"] = plain_number(config.alpha);
  value["lora_dropout"] = config.dropout;
  value["use_rslora"] = config.rslora;
  value["target_modules"] = all ? Json(kAllLinear) : Json(config.targets);
  if (!config.target_pattern.empty()) value["target_modules"] = config.target_pattern;
  for (const auto& [name, rank] : config.rank_pattern) value["rank_pattern"][name] = rank;
  for (const auto& [name, alpha] : config.alpha_pattern) {
    value["alpha_pattern"][name] = plain_number(alpha);
  }
  if (!config.invocation.empty()) value["alora_invocation_tokens"] = config.invocation;
  value["bias"] = "none";
  value["fan_in_fan_out"] = false;
  value["inference_mode"] = true;
  value["init_lora_weights"] = true;
  value["modules_to_save"] = nullptr;
  return value;
}

}  // namespace relata::model
