#include "relata/extract/extractor.h"

#include <algorithm>
#include <filesystem>

#include "pair/template_parts.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/text/chat.h"

namespace relata::extract {
namespace {

constexpr int kFormatVersion = 1;
constexpr const char* kConfigFile = "extractor.yaml";
constexpr const char* kSchemaFile = "schema.json";

std::string resolve(const std::string& folder, const std::string& path) {
  if (path.empty()) return "";
  const std::filesystem::path given(path);
  if (given.is_absolute()) return path;
  return (std::filesystem::path(folder) / given).lexically_normal().string();
}

Result<ExtractorConfig> config_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "train again, or copy the file from another extractor");
  }
  // Before everything else: a newer format may have keys that are unknown here.
  ExtractorConfig config;
  if (json.contains("format_version") && json["format_version"].is_number_integer() &&
      json["format_version"].get<int64_t>() > kFormatVersion) {
    return usage_error(where + ": format_version " + json["format_version"].dump() +
                           ", this program reads up to " + std::to_string(kFormatVersion),
                       "upgrade relata");
  }
  Fields fields(json, where);
  fields.get("format_version", config.format_version);
  fields.get_choice("pipeline", config.pipeline, pipeline_names());
  fields.get("model", config.model);
  fields.get("adapter", config.adapter);
  fields.get("template", config.template_file);
  fields.get("chat", config.chat);
  fields.get_choice("decode", config.decode, {"labels", "free"});
  fields.get("threshold", config.threshold);
  fields.get("negative_bias", config.negative_bias);
  fields.get("max_new_tokens", config.max_new_tokens);
  RELATA_CHECK(fields.finish());
  if (config.format_version != kFormatVersion) {
    return usage_error(where + ": format_version " + std::to_string(config.format_version),
                       "this program reads format_version " + std::to_string(kFormatVersion));
  }
  if (!(config.threshold >= 0.0 && config.threshold <= 1.0)) {
    return usage_error(where + ": threshold " + json["threshold"].dump(), "a number from 0 to 1");
  }
  if (config.max_new_tokens < 1) {
    return usage_error(where + ": max_new_tokens " + std::to_string(config.max_new_tokens),
                       "at least 1");
  }
  if (config.model.empty()) return usage_error(where + ": model is empty", "a model's folder");
  if (config.template_file.empty()) {
    return usage_error(where + ": template is empty", "a file, such as templates/pair.yaml");
  }
  auto chat = text::chat_template(config.chat);
  if (config.chat != "auto" && !chat.ok()) {
    return usage_error(where + ": chat: " + chat.error().message, chat.error().hint);
  }
  return config;
}

Json config_to_json(const ExtractorConfig& config) {
  Json json = Json::object();
  json["format_version"] = config.format_version;
  json["pipeline"] = config.pipeline;
  json["model"] = config.model;
  json["adapter"] = config.adapter;
  json["template"] = config.template_file;
  json["chat"] = config.chat;
  json["decode"] = config.decode;
  json["threshold"] = config.threshold;
  json["negative_bias"] = config.negative_bias;
  json["max_new_tokens"] = config.max_new_tokens;
  return json;
}

}  // namespace

Result<text::ChatTemplate> Extractor::chat_wrapper() const {
  if (chat) return *chat;
  return text::chat_template(config.chat, model_path());
}

std::string Extractor::model_path() const { return resolve(folder, config.model); }
std::string Extractor::adapter_path() const { return resolve(folder, config.adapter); }

Result<Extractor> load_extractor(const std::string& folder) {
  Extractor out;
  out.folder = folder;
  const std::string config_path = resolve(folder, kConfigFile);
  if (!file_exists(config_path)) {
    return usage_error(config_path + ": no such file",
                       "an extractor is the folder that `relata train` writes");
  }
  RELATA_TRY(const Json json, read_yaml(config_path));
  RELATA_TRY(out.config, config_from_json(json, config_path));
  RELATA_TRY(out.schema, data::read_schema(resolve(folder, kSchemaFile)));
  RELATA_TRY(out.pair_template, load_pair_template(resolve(folder, out.config.template_file)));
  RELATA_TRY(out.chat, out.chat_wrapper());
  return out;
}

Status save_extractor(const Extractor& extractor) {
  const std::string config_path = resolve(extractor.folder, kConfigFile);
  const Json config = config_to_json(extractor.config);
  RELATA_CHECK(config_from_json(config, config_path));
  RELATA_CHECK(make_folders(extractor.folder));
  const std::string template_path = resolve(extractor.folder, extractor.config.template_file);
  RELATA_CHECK(write_file_atomic(template_path, pair_template_yaml(extractor.pair_template)));
  RELATA_CHECK(
      write_json(resolve(extractor.folder, kSchemaFile), data::schema_to_json(extractor.schema)));
  // Last, so that a folder with a configuration is complete.
  return write_file_atomic(config_path, to_yaml(config));
}

std::vector<std::string> pipeline_names() { return {"pair"}; }

Status check_pipeline(const std::string& name) {
  const std::vector<std::string> names = pipeline_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  std::string list;
  for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
  return usage_error("unknown pipeline \"" + name + "\"", "there is: " + list);
}

Status replace_schema(Extractor& extractor, data::Schema schema, const std::string& decode) {
  if (schema.relation_types.empty()) {
    return usage_error("the schema has no relation types", "add some to it");
  }
  const auto has_name = [](const std::vector<data::RelationType>& types, const std::string& name) {
    return std::any_of(types.begin(), types.end(),
                       [&](const data::RelationType& type) { return type.name == name; });
  };
  const std::vector<data::RelationType>& taught = extractor.schema.relation_types;
  RELATA_TRY(const auto parts, prompt_parts(extractor.pair_template, "template"));
  if (decode == "free" && !uses_placeholder(parts, "relations")) {
    for (const data::RelationType& type : schema.relation_types) {
      if (has_name(taught, type.name)) continue;
      return usage_error("the extractor's model was not taught to write \"" + type.name + "\"",
                         "in free decoding, use names of the extractor's own schema; ids may "
                         "differ; label scoring takes any relation");
    }
  }
  extractor.left_out.clear();
  for (const data::RelationType& type : taught) {
    if (!has_name(schema.relation_types, type.name)) extractor.left_out.push_back(type);
  }
  extractor.schema = std::move(schema);
  return {};
}

}  // namespace relata::extract
