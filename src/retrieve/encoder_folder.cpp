#include "encoder_folder.h"

#include <array>
#include <utility>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/base/json.h"

namespace relata::retrieve {
namespace {

struct PoolingName {
  const char* name;  // in options and in newer folders
  const char* flag;  // in older folders
  Pooling pooling;
};
constexpr std::array<PoolingName, 5> kPoolings = {{
    {"mean", "pooling_mode_mean_tokens", Pooling::Mean},
    {"cls", "pooling_mode_cls_token", Pooling::Cls},
    {"max", "pooling_mode_max_tokens", Pooling::Max},
    {"mean_sqrt_len", "pooling_mode_mean_sqrt_len_tokens", Pooling::MeanSqrtLength},
    {"lasttoken", "pooling_mode_lasttoken", Pooling::LastToken},
}};
constexpr const char* kHint = "export the model without it, or use another model";

Result<Pooling> pooling_of_name(const std::string& name, const std::string& where) {
  std::string all;
  for (const PoolingName& known : kPoolings) {
    if (name == known.name) return known.pooling;
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  return input_error(where + ": pooling \"" + name + "\" is not supported", "supported: " + all);
}

Error wrong(const std::string& where, const std::string& key, const std::string& wanted) {
  return input_error(where + ": \"" + key + "\" must be " + wanted);
}

// An object; of a file that is not there an empty one.
Result<Json> read_object(const std::string& path) {
  if (!file_exists(path)) return Json(Json::object());
  RELATA_TRY(Json value, read_json(path));
  if (!value.is_object()) return input_error(path + ": a JSON object is wanted");
  return value;
}

Result<bool> flag(const Json& value, const std::string& key, bool fallback,
                  const std::string& where) {
  const auto found = value.find(key);
  if (found == value.end() || found->is_null()) return fallback;
  if (!found->is_boolean()) return wrong(where, key, "true or false");
  return found->get<bool>();
}

Status read_pooling(const std::string& folder, EncoderSettings& settings) {
  const std::string path = folder + "/config.json";
  RELATA_TRY(const Json value, read_json(path));
  if (!value.is_object()) return input_error(path + ": a JSON object is wanted");
  RELATA_TRY(const bool with_prompt, flag(value, "include_prompt", true, path));
  if (!with_prompt) return input_error(path + ": \"include_prompt\" false is not supported", kHint);
  if (const auto name = value.find("pooling_mode"); name != value.end()) {
    if (!name->is_string()) return wrong(path, "pooling_mode", "the name of one pooling");
    RELATA_TRY(settings.pooling, pooling_of_name(name->get<std::string>(), path));
    return {};
  }
  size_t chosen = 0;
  for (const auto& [key, on] : value.items()) {
    if (!key.starts_with("pooling_mode_") || on != true) continue;
    ++chosen;
    bool known = false;
    for (const PoolingName& pooling : kPoolings) {
      if (key != pooling.flag) continue;
      settings.pooling = pooling.pooling;
      known = true;
    }
    if (!known) return input_error(path + ": \"" + key + "\" is not supported", kHint);
  }
  if (chosen == 1) return {};
  return input_error(path + ": " + (chosen == 0 ? "no" : "more than one") + " pooling is chosen",
                     kHint);
}

// The last part of "sentence_transformers.models.Pooling".
std::string class_name(const std::string& type) { return type.substr(type.rfind('.') + 1); }

Status read_module(const Json& module, const std::string& folder, const std::string& where,
                   EncoderSettings& settings) {
  if (!module.is_object() || !module.contains("type") || !module["type"].is_string() ||
      !module.contains("path") || !module["path"].is_string()) {
    return input_error(where + ": every module needs \"type\" and \"path\"");
  }
  const std::string type = class_name(module["type"].get<std::string>());
  const auto path = module["path"].get<std::string>();
  if (path.find("..") != std::string::npos || path.starts_with('/')) {
    return input_error(where + ": path \"" + path + "\" leads out of the folder");
  }
  const std::string place = path.empty() ? folder : folder + "/" + path;
  if (type == "Transformer") {
    settings.transformer = place;
    return {};
  }
  if (type == "Pooling") return read_pooling(place, settings);
  if (type == "Normalize") {
    settings.normalise = true;
    return {};
  }
  return input_error(where + ": module \"" + type + "\" is not supported", kHint);
}

Status read_modules(const std::string& folder, EncoderSettings& settings) {
  const std::string path = folder + "/modules.json";
  if (!file_exists(path)) return {};
  RELATA_TRY(const Json modules, read_json(path));
  if (!modules.is_array() || modules.empty()) {
    return input_error(path + ": a list of modules is wanted");
  }
  for (const Json& module : modules) RELATA_CHECK(read_module(module, folder, path, settings));
  return {};
}

Status read_length(EncoderSettings& settings) {
  const std::string path = settings.transformer + "/sentence_bert_config.json";
  RELATA_TRY(const Json value, read_object(path));
  RELATA_TRY(const bool lower, flag(value, "do_lower_case", false, path));
  if (lower) {
    return input_error(path + ": \"do_lower_case\" true is not supported",
                       "have its tokenizer do it, and set it to false");
  }
  const auto found = value.find("max_seq_length");
  if (found == value.end() || found->is_null()) {
    RELATA_TRY(settings.max_tokens, tokenizer_length(settings.transformer));
    return {};
  }
  if (!found->is_number_unsigned() || *found == 0U) {
    return wrong(path, "max_seq_length", "a number of tokens");
  }
  settings.max_tokens = found->get<size_t>();
  return {};
}

// The prompts that sentence-transformers puts before queries and before documents.
Status read_prompts(const std::string& folder, EncoderSettings& settings) {
  const std::string path = folder + "/config_sentence_transformers.json";
  RELATA_TRY(const Json value, read_object(path));
  const auto found = value.find("prompts");
  if (found == value.end() || found->is_null()) return {};
  if (!found->is_object()) return wrong(path, "prompts", "an object of texts");
  std::string usual;
  if (const auto name = value.find("default_prompt_name");
      name != value.end() && name->is_string()) {
    usual = name->get<std::string>();
  }
  const auto first_of = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const auto prompt = found->find(name);
      if (prompt != found->end() && prompt->is_string()) return prompt->get<std::string>();
    }
    return std::string();
  };
  settings.query_prefix = first_of({"query", usual});
  settings.passage_prefix = first_of({"document", "passage", "corpus", usual});
  return {};
}

// llama.cpp's numbers of poolings. Its vectors have length 1, and its files no prompts.
Status read_gguf_settings(const std::string& path, EncoderSettings& settings) {
  RELATA_TRY(const auto file, GgufFile::open(path));
  RELATA_TRY(const std::string arch, file->get_string("general.architecture"));
  const std::string key = arch + ".pooling_type";
  RELATA_TRY(const int64_t pooling, file->get_integer(key, 1));
  constexpr std::array kByNumber = {Pooling::Mean, Pooling::Cls, Pooling::LastToken};
  if (pooling < 1 || pooling > std::ssize(kByNumber)) {
    return input_error(path + ": " + key + " " + std::to_string(pooling) + " is not supported",
                       "supported: 1 (mean), 2 (cls), 3 (last)");
  }
  settings.pooling = kByNumber[static_cast<size_t>(pooling - 1)];
  settings.normalise = true;
  return {};
}

Status read_folder_settings(const std::string& folder, EncoderSettings& settings) {
  RELATA_CHECK(read_modules(folder, settings));
  RELATA_CHECK(read_length(settings));
  return read_prompts(folder, settings);
}

}  // namespace

Result<size_t> tokenizer_length(const std::string& folder) {
  constexpr double kMost = 1 << 30;
  RELATA_TRY(const Json value, read_object(folder + "/tokenizer_config.json"));
  const auto found = value.find("model_max_length");
  if (found == value.end() || !found->is_number()) return 0;
  const auto length = found->get<double>();
  return length >= 1 && length <= kMost ? static_cast<size_t>(length) : 0;
}

Result<EncoderSettings> read_encoder_settings(const EncoderOptions& options) {
  EncoderSettings settings;
  settings.transformer = options.model;
  RELATA_CHECK(is_gguf(options.model) ? read_gguf_settings(options.model, settings)
                                      : read_folder_settings(options.model, settings));
  if (options.pooling) {
    const auto pooling = pooling_of_name(*options.pooling, "pooling");
    if (!pooling.ok()) return usage_error(pooling.error().message, pooling.error().hint);
    settings.pooling = pooling.value();
  }
  settings.normalise = options.normalise.value_or(settings.normalise);
  settings.max_tokens = options.max_tokens.value_or(settings.max_tokens);
  settings.query_prefix = options.query_prefix.value_or(settings.query_prefix);
  settings.passage_prefix = options.passage_prefix.value_or(settings.passage_prefix);
  return settings;
}

Status write_encoder_settings(const EncoderSettings& settings, size_t width,
                              const std::string& folder) {
  const std::string types = "sentence_transformers.models.";
  Json modules = Json::array();
  const auto add = [&](const char* path, const char* type) {
    const size_t number = modules.size();
    modules.push_back({{"idx", number},
                       {"name", std::to_string(number)},
                       {"path", path},
                       {"type", types + type}});
  };
  add("", "Transformer");
  add("1_Pooling", "Pooling");
  if (settings.normalise) add("2_Normalize", "Normalize");
  Json pooling = {{"word_embedding_dimension", width}};
  for (const PoolingName& name : kPoolings) {
    pooling[name.flag] = name.pooling == settings.pooling;
  }
  RELATA_CHECK(make_folders(folder + "/1_Pooling"));
  RELATA_CHECK(write_json(folder + "/1_Pooling/config.json", pooling));
  if (settings.normalise) RELATA_CHECK(make_folders(folder + "/2_Normalize"));
  RELATA_CHECK(write_json(folder + "/sentence_bert_config.json",
                          {{"max_seq_length", settings.max_tokens}, {"do_lower_case", false}}));
  RELATA_CHECK(write_json(
      folder + "/config_sentence_transformers.json",
      {{"prompts", {{"query", settings.query_prefix}, {"document", settings.passage_prefix}}}}));
  // Last: it is what says that the folder is an encoder's.
  return write_json(folder + "/modules.json", modules);
}

std::string settings_text(const EncoderSettings& settings) {
  const Json value = {{"pooling", kPoolings[static_cast<size_t>(settings.pooling)].name},
                      {"normalise", settings.normalise},
                      {"max_tokens", settings.max_tokens},
                      {"query", settings.query_prefix},
                      {"passage", settings.passage_prefix}};
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace relata::retrieve
