#include "model_folder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "relata/base/file.h"

namespace relata::text {
namespace {

constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kMapFile[] = "special_tokens_map.json";
constexpr char kAddedFile[] = "added_tokens.json";
constexpr char kGenerationFile[] = "generation_config.json";
constexpr char kRankExtension[] = ".tiktoken";

constexpr std::array kFiles = {
    "tokenizer.json", "tokenizer.model", "tokenizer.model.v3", "spiece.model",        "spm.model",
    "vocab.txt",      "vocab.json",      "merges.txt",         "chat_template.jinja", kConfigFile,
    kMapFile,         kAddedFile,        kGenerationFile};

// A special token is written as a string or as an object with its "content".
std::optional<std::string> token_content(const Node& node) {
  if (node.is_string()) return node.get<std::string>();
  if (!node.is_object()) return std::nullopt;
  const auto content = node.find("content");
  if (content == node.end() || !content->is_string()) return std::nullopt;
  return content->get<std::string>();
}

void read_named_token(const JsonReader& reader, const char* key, TokenizerConfig& config,
                      std::optional<std::string>* out) {
  const Node* node = reader.find(key);
  if (node == nullptr) return;
  const auto content = token_content(*node);
  if (!content || content->empty()) return;
  if (out != nullptr) *out = *content;
  config.special.push_back(*content);
}

void read_token_list(const JsonReader& reader, const char* key, TokenizerConfig& config) {
  const Node* node = reader.find(key);
  if (node == nullptr) return;
  for (const auto& item : *node) {
    const auto content = token_content(item);
    if (content && !content->empty()) config.special.push_back(*content);
  }
}

void read_special_names(const JsonReader& reader, TokenizerConfig& config) {
  read_named_token(reader, "bos_token", config, &config.bos);
  read_named_token(reader, "eos_token", config, &config.eos);
  read_named_token(reader, "unk_token", config, &config.unk);
  read_named_token(reader, "cls_token", config, &config.cls);
  read_named_token(reader, "sep_token", config, &config.sep);
  for (const char* key : {"pad_token", "mask_token"}) {
    read_named_token(reader, key, config, nullptr);
  }
  read_token_list(reader, "additional_special_tokens", config);
  read_token_list(reader, "extra_special_tokens", config);
}

Status read_added_decoder(JsonReader& reader, TokenizerConfig& config) {
  for (const auto& [key, value] : reader.object("added_tokens_decoder").items()) {
    int64_t id = -1;
    const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (code != std::errc() || end != key.data() + key.size()) {
      return input_error(reader.where() + ": added_tokens_decoder: \"" + key + "\" is not an id");
    }
    RELATA_TRY(AddedToken token,
               read_added_token(value, id, reader.where() + ": added_tokens_decoder." + key));
    config.added.push_back(std::move(token));
  }
  return {};
}

Status read_config_file(const ModelFolder& folder, TokenizerConfig& config) {
  const std::string* content = folder.find(kConfigFile);
  if (content == nullptr) return {};
  RELATA_TRY(const Node node, parse_node(*content, folder.path(kConfigFile)));
  JsonReader reader(node, folder.path(kConfigFile));
  RELATA_CHECK(reader.status());
  read_special_names(reader, config);
  RELATA_CHECK(read_added_decoder(reader, config));
  config.add_bos = reader.optional_boolean("add_bos_token");
  config.add_eos = reader.optional_boolean("add_eos_token");
  config.legacy = reader.optional_boolean("legacy");
  config.lower_case = reader.optional_boolean("do_lower_case");
  config.strip_accents = reader.optional_boolean("strip_accents");
  config.chinese_chars = reader.optional_boolean("tokenize_chinese_chars");
  config.prefix_space = reader.optional_boolean("add_prefix_space");
  config.tokenizer_class = reader.string("tokenizer_class", "");
  return reader.status();
}

Status read_map_file(const ModelFolder& folder, TokenizerConfig& config) {
  const std::string* content = folder.find(kMapFile);
  if (content == nullptr) return {};
  RELATA_TRY(const Node node, parse_node(*content, folder.path(kMapFile)));
  const JsonReader reader(node, folder.path(kMapFile));
  RELATA_CHECK(reader.status());
  read_special_names(reader, config);
  return {};
}

Status read_added_file(const ModelFolder& folder, TokenizerConfig& config) {
  const std::string* content = folder.find(kAddedFile);
  if (content == nullptr) return {};
  const std::string path = folder.path(kAddedFile);
  RELATA_TRY(const Node node, parse_node(*content, path));
  if (!node.is_object()) return input_error(path + ": an object of token to id is wanted");
  for (const auto& [key, value] : node.items()) {
    const int64_t id = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (key.empty() || key.size() > kLongestToken || id < 0 || id >= kIdLimit) {
      return input_error(path + ": \"" + key + "\" has no usable id");
    }
    const bool known = std::any_of(config.added.begin(), config.added.end(),
                                   [&](const AddedToken& token) { return token.content == key; });
    if (!known) config.added.push_back({.content = key, .id = static_cast<int32_t>(id)});
  }
  return {};
}

// One id or a list of them.
Status read_generation_file(const ModelFolder& folder, TokenizerConfig& config) {
  const std::string* content = folder.find(kGenerationFile);
  if (content == nullptr) return {};
  const std::string path = folder.path(kGenerationFile);
  RELATA_TRY(const Node node, parse_node(*content, path));
  const JsonReader reader(node, path);
  RELATA_CHECK(reader.status());
  const Node* ids = reader.find("eos_token_id");
  if (ids == nullptr) return {};
  for (const Node& id : ids->is_array() ? *ids : Node::array({*ids})) {
    const int64_t value = id.is_number_integer() ? id.get<int64_t>() : -1;
    if (value < 0 || value >= kIdLimit) {
      return input_error(path + ": eos_token_id: an id or a list of ids is wanted");
    }
    config.stops.push_back(static_cast<int32_t>(value));
  }
  return {};
}

}  // namespace

ModelFolder ModelFolder::of(const std::string& source, std::map<std::string, std::string> files) {
  ModelFolder result;
  result.folder_ = source;
  result.files_ = std::move(files);
  return result;
}

Result<ModelFolder> ModelFolder::read(const std::string& folder) {
  ModelFolder result;
  result.folder_ = folder;
  for (const char* name : kFiles) {
    const std::string path = result.path(name);
    if (!file_exists(path)) continue;
    RELATA_TRY(result.files_[name], read_file(path));
  }
  std::error_code ignored;  // a folder that cannot be listed holds no file that can be read
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != kRankExtension) continue;
    RELATA_TRY(result.files_[entry.path().filename().string()], read_file(entry.path().string()));
  }
  return result;
}

const std::string* ModelFolder::find(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : &found->second;
}

std::optional<std::string> ModelFolder::rank_file() const {
  for (const auto& [name, content] : files_) {
    if (name.ends_with(kRankExtension)) return name;
  }
  return std::nullopt;
}

std::string ModelFolder::path(const std::string& name) const {
  return folder_.empty() || folder_.back() == '/' ? folder_ + name : folder_ + "/" + name;
}

void ModelFolder::save_instead(std::string held, std::string name,
                               std::function<std::string()> make) {
  substitutes_[std::move(held)] = {std::move(name), std::move(make)};
}

Status ModelFolder::save(const std::string& folder) const {
  ModelFolder target;
  target.folder_ = folder;
  for (const auto& [name, content] : files_) {
    const auto other = substitutes_.find(name);
    if (other == substitutes_.end()) {
      RELATA_CHECK(write_file_atomic(target.path(name), content));
    } else {
      RELATA_CHECK(write_file_atomic(target.path(other->second.name), other->second.make()));
    }
  }
  return {};
}

Result<TokenizerConfig> read_tokenizer_config(const ModelFolder& folder) {
  TokenizerConfig config;
  // The configuration is read last: where both files name a token, Transformers believes it.
  RELATA_CHECK(read_map_file(folder, config));
  RELATA_CHECK(read_config_file(folder, config));
  RELATA_CHECK(read_added_file(folder, config));
  RELATA_CHECK(read_generation_file(folder, config));
  for (auto& token : config.added) {
    const auto& names = config.special;
    if (std::find(names.begin(), names.end(), token.content) != names.end()) token.special = true;
  }
  return config;
}

}  // namespace relata::text
