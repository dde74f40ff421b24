#include "relata/extract/extractor.h"

#include <algorithm>
#include <filesystem>

#include "pair/template_parts.h"
#include "relata/base/configuration.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/text/chat.h"

namespace relata::extract {
namespace {

constexpr int kFormatVersion = 1;
constexpr const char* kConfigFile = "extractor.yaml";
constexpr const char* kSchemaFile = "schema.json";
constexpr const char* kCalibrationFile = "calibration.json";
constexpr const char* kNamesFile = "names.json";
constexpr const char* kReliabilityFile = "reliability.svg";

std::string resolve(const std::string& folder, const std::string& path) {
  if (path.empty()) return "";
  const std::filesystem::path given(path);
  if (given.is_absolute()) return path;
  return (std::filesystem::path(folder) / given).lexically_normal().string();
}

bool is_pipeline(const std::string& name) {
  const std::vector<std::string> names = pipeline_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The keys that have an entry for each step or adapter.
Status read_by_step(const Json& adapters, const Json& thresholds, const std::string& where,
                    ExtractorConfig& config) {
  if (!adapters.is_null() && !adapters.is_object()) {
    return usage_error(where + ": adapters: not a mapping of names to folders",
                       "adapters: {relation: adapters/relation, head: adapters/head}");
  }
  for (const auto& [name, path] : adapters.items()) {
    if (!path.is_string() || path.get<std::string>().empty()) {
      return usage_error(where + ": adapters: " + name + " is no folder", "an adapter's folder");
    }
    config.adapters[name] = path.get<std::string>();
  }
  if (!config.adapters.empty() && !config.adapter.empty()) {
    return usage_error(where + ": adapter and adapters", "one adapter for all steps, or several");
  }
  if (!thresholds.is_null() && !thresholds.is_object()) {
    return usage_error(where + ": thresholds: not a mapping of steps to numbers",
                       "thresholds: {relation: 0.5}");
  }
  for (const auto& [step, value] : thresholds.items()) {
    const double threshold = value.is_number() ? value.get<double>() : -1.0;
    if (!(threshold >= 0.0 && threshold <= 1.0)) {
      return usage_error(where + ": thresholds: " + step + ": " + value.dump(),
                         "a number from 0 to 1");
    }
    config.thresholds[step] = threshold;
  }
  return {};
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
  if (is_pipeline(config.pipeline)) {
    const int version = config.format_version;
    config = default_config(config.pipeline);
    config.format_version = version;
  }
  const bool is_pair = asks_pairs(config.pipeline);
  const bool is_steps = asks_steps(config.pipeline);
  fields.get("model", config.model);
  fields.get("model_sha256", config.model_sha256);
  fields.get_choice("quantization", config.quantization, {"", "nf4"});
  fields.get("double_quantization", config.double_quantization);
  fields.get("adapter", config.adapter);
  fields.get("template", config.template_file);
  fields.get("chat", config.chat);
  fields.get_choice("decode", config.decode, {is_pair ? "labels" : "constrained", "free"});
  if (is_pair) {
    fields.get("threshold", config.threshold);
    fields.get("negative_bias", config.negative_bias);
  }
  fields.get("max_new_tokens", config.max_new_tokens);
  Json adapters;
  Json thresholds;
  if (is_steps) {
    fields.get("adapters", adapters);
    fields.get("thresholds", thresholds);
    fields.get("continue_above", config.continue_above);
    fields.get("drop_overlapping", config.drop_overlapping);
  }
  Json demonstrations;
  if (uses_demonstrations(config.pipeline)) {
    fields.get("demonstrations", demonstrations);
    if (is_pair) {
      fields.get("mask_types", config.mask_types);
    } else {
      fields.get("tasks", config.tasks);
    }
  }
  RELATA_CHECK(fields.finish());
  RELATA_CHECK(read_by_step(adapters, thresholds, where, config));
  RELATA_TRY(config.demonstrations, demonstration_settings(demonstrations, where));
  for (const std::string& task : config.tasks) {
    const auto known = icl_task_named(task);
    if (!known.ok()) {
      return usage_error(where + ": tasks: " + known.error().message, known.error().hint);
    }
  }
  if (config.format_version != kFormatVersion) {
    return usage_error(where + ": format_version " + std::to_string(config.format_version),
                       "this program reads format_version " + std::to_string(kFormatVersion));
  }
  if (!(config.threshold >= 0.0 && config.threshold <= 1.0)) {
    return usage_error(where + ": threshold " + json["threshold"].dump(), "a number from 0 to 1");
  }
  if (!(config.continue_above >= 0.0 && config.continue_above <= 1.0)) {
    return usage_error(where + ": continue_above " + json["continue_above"].dump(),
                       "a probability; 1 lets a list end where that is the most probable");
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

// The names of steps and adapters in the configuration are the template's.
Status check_steps(const ExtractorConfig& config, const PipelineSpec& pipeline,
                   const std::string& where) {
  std::vector<std::string> steps;
  for (const StepTemplate& step : pipeline.steps) {
    steps.push_back(step.name);
    if (config.adapters.empty() || config.adapters.contains(step.adapter)) continue;
    return usage_error(where + ": adapters: none is named \"" + step.adapter + "\", which step \"" +
                           step.name + "\" of the template wants",
                       "add it, or name another in the template");
  }
  for (const auto& [step, threshold] : config.thresholds) {
    if (std::find(steps.begin(), steps.end(), step) != steps.end()) continue;
    const auto nearest = nearest_name(step, steps);
    return usage_error(where + ": thresholds: the template has no step \"" + step + "\"",
                       nearest ? "did you mean \"" + *nearest + "\"?" : "name one of its steps");
  }
  return {};
}

Json config_to_json(const ExtractorConfig& config) {
  Json json = Json::object();
  json["format_version"] = config.format_version;
  json["pipeline"] = config.pipeline;
  json["model"] = config.model;
  if (!config.model_sha256.empty()) json["model_sha256"] = config.model_sha256;
  if (!config.quantization.empty()) {
    json["quantization"] = config.quantization;
    json["double_quantization"] = config.double_quantization;
  }
  json["adapter"] = config.adapter;
  json["template"] = config.template_file;
  json["chat"] = config.chat;
  json["decode"] = config.decode;
  if (asks_pairs(config.pipeline)) {
    json["threshold"] = config.threshold;
    json["negative_bias"] = config.negative_bias;
  }
  json["max_new_tokens"] = config.max_new_tokens;
  for (const auto& [name, path] : config.adapters) json["adapters"][name] = path;
  for (const auto& [name, threshold] : config.thresholds) json["thresholds"][name] = threshold;
  if (config.continue_above < 1) json["continue_above"] = config.continue_above;
  if (config.drop_overlapping) json["drop_overlapping"] = true;
  if (uses_demonstrations(config.pipeline)) {
    if (asks_pairs(config.pipeline)) json["mask_types"] = config.mask_types;
    if (!config.tasks.empty()) json["tasks"] = config.tasks;
    json["demonstrations"] = to_json(config.demonstrations);
  }
  return json;
}

std::string template_yaml(const Extractor& extractor) {
  if (asks_pairs(extractor.config.pipeline)) return pair_template_yaml(extractor.pair_template);
  if (extractor.config.pipeline == "icl") return icl_template_yaml(extractor.icl);
  return pipeline_yaml(extractor.pipeline);
}

// Whether the model is told in the prompt which relations there are.
Result<bool> prompts_list_relations(const Extractor& extractor) {
  if (asks_pairs(extractor.config.pipeline)) {
    RELATA_TRY(const auto parts, prompt_parts(extractor.pair_template, "template"));
    return uses_placeholder(parts, "relations");
  }
  if (extractor.config.pipeline == "icl") return true;
  return std::any_of(
      extractor.pipeline.steps.begin(), extractor.pipeline.steps.end(),
      [](const StepTemplate& step) { return step.question.find("{schema}") != std::string::npos; });
}

}  // namespace

Result<text::ChatTemplate> Extractor::chat_wrapper() const {
  if (chat) return *chat;
  return text::chat_template(config.chat, model_path());
}

bool needs_no_model(const Extractor& extractor) {
  return extractor.demonstrations != nullptr && asks_pairs(extractor.config.pipeline) &&
         extractor.config.decode == "labels" && extractor.config.demonstrations.vote >= 1.0;
}

ExtractorConfig default_config(const std::string& pipeline) {
  ExtractorConfig config;
  config.pipeline = pipeline;
  config.template_file = "templates/" + pipeline + ".yaml";
  config.mask_types = pipeline == "rag";
  if (asks_pairs(pipeline)) return config;
  config.decode = "constrained";
  config.max_new_tokens = asks_steps(pipeline) ? 512 : 256;
  return config;
}

double step_threshold(const ExtractorConfig& config, const StepTemplate& step) {
  const auto found = config.thresholds.find(step.name);
  if (found != config.thresholds.end()) return found->second;
  return step.check ? 0.5 : 0.0;
}

std::map<std::string, std::string> Extractor::adapter_paths() const {
  std::map<std::string, std::string> out;
  for (const auto& [name, path] : config.adapters) out[name] = resolve(folder, path);
  return out;
}

Result<std::string> Extractor::find_model(const std::vector<std::string>& places) const {
  const std::string stated = model_path();
  if (file_exists(stated)) return stated;
  const std::string name = std::filesystem::path(config.model).filename().string();
  std::string looked = stated;
  std::vector<std::string> folders = {folder};
  folders.insert(folders.end(), places.begin(), places.end());
  for (const std::string& place : folders) {
    const std::string path = (std::filesystem::path(place) / name).string();
    looked += ", " + path;
    if (!file_exists(path)) continue;
    if (config.model_sha256.empty()) return path;
    RELATA_TRY(const auto file, MappedFile::open(path));
    const auto bytes = file->bytes();
    if (sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}) ==
        config.model_sha256) {
      return path;
    }
    looked += " (another file: its SHA-256 differs)";
  }
  return usage_error(folder + ": its base model " + name + " was not found; looked at " + looked,
                     "./dev models lists and fetches models; or put the file into a folder that "
                     "RELATA_MODELS names");
}

std::string Extractor::model_path() const { return resolve(folder, config.model); }
std::string Extractor::adapter_path() const { return resolve(folder, config.adapter); }
std::string Extractor::pool_path() const { return resolve(folder, config.demonstrations.pool); }

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
  RELATA_TRY(out.schema, as_configuration(data::read_schema(resolve(folder, kSchemaFile))));
  const std::string template_path = resolve(folder, out.config.template_file);
  if (asks_pairs(out.config.pipeline)) {
    RELATA_TRY(out.pair_template, load_pair_template(template_path));
  } else if (out.config.pipeline == "icl") {
    RELATA_TRY(out.icl, load_icl_template(template_path));
  } else {
    RELATA_TRY(out.pipeline, load_pipeline(template_path));
    RELATA_CHECK(check_steps(out.config, out.pipeline, config_path));
  }
  const std::string calibration_path = resolve(folder, kCalibrationFile);
  if (file_exists(calibration_path)) {
    RELATA_TRY(const Json calibration, as_configuration(read_json(calibration_path)));
    RELATA_TRY(out.calibration, calibration_from_json(calibration, calibration_path));
  }
  const std::string names_path = resolve(folder, kNamesFile);
  if (asks_steps(out.config.pipeline) && file_exists(names_path)) {
    RELATA_TRY(const Json names, as_configuration(read_json(names_path)));
    RELATA_TRY(NameModel model, as_configuration(NameModel::from_json(names, names_path)));
    out.names = std::make_shared<const NameModel>(std::move(model));
  }
  RELATA_TRY(out.chat, out.chat_wrapper());
  return out;
}

Status save_extractor(const Extractor& extractor) {
  const std::string config_path = resolve(extractor.folder, kConfigFile);
  const Json config = config_to_json(extractor.config);
  RELATA_CHECK(config_from_json(config, config_path));
  RELATA_CHECK(make_folders(extractor.folder));
  const std::string template_path = resolve(extractor.folder, extractor.config.template_file);
  if (asks_steps(extractor.config.pipeline)) {
    RELATA_CHECK(check_pipeline_spec(extractor.pipeline, template_path));
    RELATA_CHECK(check_steps(extractor.config, extractor.pipeline, config_path));
  }
  RELATA_CHECK(write_file_atomic(template_path, template_yaml(extractor)));
  RELATA_CHECK(
      write_json(resolve(extractor.folder, kSchemaFile), data::schema_to_json(extractor.schema)));
  const std::string calibration_path = resolve(extractor.folder, kCalibrationFile);
  if (extractor.calibration) {
    RELATA_CHECK(write_json(calibration_path, calibration_to_json(*extractor.calibration)));
  } else {
    // One that is left from other weights says nothing about these, nor does its figure.
    std::error_code ignored;
    std::filesystem::remove(calibration_path, ignored);
    std::filesystem::remove(resolve(extractor.folder, kReliabilityFile), ignored);
  }
  const std::string names_path = resolve(extractor.folder, kNamesFile);
  if (extractor.names) {
    RELATA_CHECK(write_json(names_path, extractor.names->to_json()));
  } else {
    std::error_code ignored;
    std::filesystem::remove(names_path, ignored);
  }
  // Last, so that a folder with a configuration is complete.
  return write_file_atomic(config_path, to_yaml(config));
}

std::vector<std::string> pipeline_names() {
  std::vector<std::string> names = builtin_pipeline_names();
  names.insert(names.begin(), {"pair", "rag", "icl"});
  return names;
}

bool asks_pairs(const std::string& pipeline) { return pipeline == "pair" || pipeline == "rag"; }
bool asks_steps(const std::string& pipeline) { return !asks_pairs(pipeline) && pipeline != "icl"; }
bool uses_demonstrations(const std::string& pipeline) {
  return pipeline == "rag" || pipeline == "icl";
}

Status check_pipeline(const std::string& name) {
  if (is_pipeline(name)) return {};
  std::string list;
  for (const std::string& known : pipeline_names()) list += (list.empty() ? "" : ", ") + known;
  return usage_error("unknown pipeline \"" + name + "\"", "there is: " + list);
}

Status replace_schema(Extractor& extractor, data::Schema schema, const std::string& decode) {
  if (schema.relation_types.empty() && extractor.config.pipeline != "icl") {
    return usage_error("the schema has no relation types", "add some to it");
  }
  const auto has_name = [](const std::vector<data::RelationType>& types, const std::string& name) {
    return std::any_of(types.begin(), types.end(),
                       [&](const data::RelationType& type) { return type.name == name; });
  };
  const std::vector<data::RelationType>& taught = extractor.schema.relation_types;
  RELATA_TRY(const bool listed, prompts_list_relations(extractor));
  if (decode == "free" && !listed) {
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
