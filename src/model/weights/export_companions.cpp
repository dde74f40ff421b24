// What stands beside a model's weights and belongs to it: tokenizers, templates, and how
// sentence-transformers makes vectors of an encoder's states.
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/base/json.h"
#include "relata/text/tokenizer.h"
#include "weights/export_common.h"

namespace relata::model {
namespace {

// Other programs leave other files beside the weights, which are theirs.
constexpr std::array kCompanions = {"generation_config.json",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "tokenizer.model",
                                    "tokenizer.model.v3",
                                    "spiece.model",
                                    "spm.model",
                                    "sentencepiece.bpe.model",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "vocab.json",
                                    "merges.txt",
                                    "vocab.txt",
                                    "chat_template.jinja",
                                    "chat_template.json",
                                    "config_sentence_transformers.json"};
constexpr const char* kModules = "modules.json";
constexpr const char* kModuleTypes = "sentence_transformers.models.";

Status copy_file(const std::string& from, const std::string& to) {
  RELATA_TRY(const std::string content, read_file(from));
  return write_file_atomic(to, content);
}

// sentence_bert_config.json, sentence_roberta_config.json ...: the longest text.
bool is_length_file(const std::string& name) {
  return name.starts_with("sentence_") && name.ends_with("_config.json");
}

// Where a module that follows the transformer lies; nothing where that is the model's own folder.
std::optional<std::string> module_folder(const Json& module) {
  if (!module.is_object()) return {};
  const auto path = module.find("path"), type = module.find("type");
  if (path == module.end() || !path->is_string()) return {};
  if (type != module.end() && type->is_string() &&
      type->get_ref<const std::string&>().ends_with("Transformer")) {
    return {};
  }
  const auto name = path->get<std::string>();
  if (name.empty() || name.starts_with('/') || name.find("..") != std::string::npos) return {};
  return name;
}

Status copy_module(const std::string& from, const std::string& to) {
  RELATA_CHECK(make_folders(to));  // some have no files
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(from, problem)) {
    if (!entry.is_regular_file(problem)) continue;
    const std::string name = entry.path().filename().string();
    RELATA_CHECK(copy_file(entry.path().string(), to + "/" + name));
  }
  return {};
}

Status copy_modules(const std::string& from, const std::string& to) {
  const std::string path = from + "/" + kModules;
  if (!file_exists(path)) return {};
  RELATA_TRY(const Json modules, read_json(path));
  if (!modules.is_array()) return input_error(path + ": a list of modules is wanted");
  for (const Json& module : modules) {
    const auto folder = module_folder(module);
    if (folder) RELATA_CHECK(copy_module(from + "/" + *folder, to + "/" + *folder));
  }
  // Last: it is what says that the folder is an encoder's.
  return copy_file(path, to + "/" + kModules);
}

Status copy_files(const std::string& from, const std::string& to) {
  std::vector<std::string> names(kCompanions.begin(), kCompanions.end());
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(from, problem)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".tiktoken") || is_length_file(name)) names.push_back(name);
  }
  for (const std::string& name : names) {
    if (file_exists(from + "/" + name)) RELATA_CHECK(copy_file(from + "/" + name, to + "/" + name));
  }
  return copy_modules(from, to);
}

Status save_gguf_tokenizer(const GgufFile& file, const std::string& folder) {
  if (!file.has("tokenizer.ggml.model")) return {};
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(file.path()));
  return tokenizer->save(folder);
}

// An encoder's pooling, by llama.cpp's number, and the length of 1 that its vectors have there. A
// number without a name here is left out: a folder that names no pooling is an encoder's, too.
Status save_gguf_pooling(const GgufFile& file, const std::string& folder) {
  RELATA_TRY(const DecoderConfig config, read_decoder_config(file.path()));
  RELATA_TRY(const std::string arch, file.get_string("general.architecture"));
  const std::string key = arch + ".pooling_type";
  if (config.causal || !file.has(key)) return {};
  RELATA_TRY(const int64_t chosen, file.get_integer(key));
  constexpr std::array kPoolings = {"pooling_mode_mean_tokens", "pooling_mode_cls_token",
                                    "pooling_mode_lasttoken"};
  if (chosen < 1 || chosen > std::ssize(kPoolings)) return {};
  Json pooling = {{"word_embedding_dimension", config.hidden_size}};
  for (int64_t i = 0; i < std::ssize(kPoolings); ++i) {
    pooling[kPoolings.at(static_cast<size_t>(i))] = i + 1 == chosen;
  }
  Json modules = Json::array();
  for (const auto& [path, type] :
       {std::pair("", "Transformer"), {"1_Pooling", "Pooling"}, {"2_Normalize", "Normalize"}}) {
    const size_t number = modules.size();
    modules.push_back({{"idx", number},
                       {"name", std::to_string(number)},
                       {"path", path},
                       {"type", std::string(kModuleTypes) + type}});
  }
  RELATA_CHECK(make_folders(folder + "/1_Pooling"));
  RELATA_CHECK(make_folders(folder + "/2_Normalize"));
  RELATA_CHECK(write_json(folder + "/1_Pooling/config.json", pooling));
  return write_json(folder + "/" + kModules, modules);
}

}  // namespace

Status copy_companions(const std::string& model, const std::string& folder) {
  if (!is_gguf(model)) return copy_files(model, folder);
  RELATA_TRY(const auto file, GgufFile::open(model));
  RELATA_CHECK(save_gguf_tokenizer(*file, folder));
  return save_gguf_pooling(*file, folder);
}

}  // namespace relata::model
