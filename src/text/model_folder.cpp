#include "model_folder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

#include "relata/base/file.h"
#include "relata/text/tokenizer.h"
#include "sentencepiece/xlm_roberta.h"

namespace relata::text {
namespace {

constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kMapFile[] = "special_tokens_map.json";
constexpr char kAddedFile[] = "added_tokens.json";
constexpr char kGenerationFile[] = "generation_config.json";
constexpr char kRankExtension[] = ".tiktoken";

constexpr std::array kFiles = {
    "tokenizer.json", "tokenizer.model",     "tokenizer.model.v3", "spiece.model",
    "spm.model",      kXlmRobertaFile,       "vocab.txt",          "vocab.json",
    "merges.txt",     "chat_template.jinja", kConfigFile,          kMapFile,
    kAddedFile,       kGenerationFile};

// A special token is written as a string or as an object with its "content".
std::optional<std::string> token_content(const Node& node) {
  if (node.is_string()) return node.get<std::string>();
  if (!node.is_object()) return std::nullopt;
  const auto content = node.find("content");
  if (content == node.end() || !content->is_string()) return std::nullopt;
  return content->get<std::string>();
}

constexpr std::array kNamedKeys = {"bos_token", "eos_token", "unk_token", "sep_token",
                                   "pad_token", "cls_token", "mask_token"};

// A special token as a file names it; none where it names nothing usable.
std::optional<AddedToken> named_token(const Node& node) {
  const auto content = token_content(node);
  if (!content || content->empty() || content->size() > kLongestToken) return std::nullopt;
  const auto flag = [&](const char* key) {
    const auto found = node.is_object() ? node.find(key) : node.end();
    return node.is_object() && found != node.end() && found->is_boolean() && found->get<bool>();
  };
  return AddedToken{.content = *content,
                    .special = true,
                    .normalized = flag("normalized"),
                    .lstrip = flag("lstrip"),
                    .rstrip = flag("rstrip"),
                    .single_word = flag("single_word")};
}

// What the files name, file by file.
struct SpecialNames {
  std::map<std::string, AddedToken> by_key;  // of kNamedKeys
  std::vector<AddedToken> others;            // of keys like "image_token"
  std::vector<AddedToken> lists;
  std::vector<std::string> listed;  // those that make a token of added_tokens.json a special one
  bool lists_added = false;         // the configuration has an added_tokens_decoder

  // As Transformers decides how a token of added_tokens.json is searched.
  bool name(const std::string& token) const {
    return std::find(listed.begin(), listed.end(), token) != listed.end() ||
           std::any_of(by_key.begin(), by_key.end(),
                       [&](const auto& entry) { return entry.second.content == token; });
  }
  std::vector<AddedToken> in_order() const {
    std::vector<AddedToken> out;
    for (const char* key : kNamedKeys) {
      if (const auto found = by_key.find(key); found != by_key.end()) out.push_back(found->second);
    }
    out.insert(out.end(), others.begin(), others.end());
    out.insert(out.end(), lists.begin(), lists.end());
    return out;
  }
};

std::vector<AddedToken> read_token_list(const JsonReader& reader, const char* key) {
  std::vector<AddedToken> out;
  const Node* node = reader.find(key);
  if (node == nullptr) return out;
  for (const auto& item : *node) {
    if (auto token = named_token(item)) out.push_back(*std::move(token));
  }
  return out;
}

// `is_map`: the file is special_tokens_map.json. `wins`: it is believed where an earlier one names
// another token.
void read_special_names(const JsonReader& reader, bool is_map, bool wins, TokenizerConfig& config,
                        SpecialNames& names) {
  for (const char* key : kNamedKeys) {
    const Node* node = reader.find(key);
    auto token = node ? named_token(*node) : std::nullopt;
    if (!token) continue;
    config.special.push_back(token->content);
    if (wins) names.by_key.erase(key);
    names.by_key.try_emplace(key, *std::move(token));
  }
  std::vector<AddedToken> lists = read_token_list(reader, "additional_special_tokens");
  const std::vector<AddedToken> extra = read_token_list(reader, "extra_special_tokens");
  for (const AddedToken& token : is_map ? extra : extra.empty() ? lists : extra) {
    names.listed.push_back(token.content);
  }
  lists.insert(lists.end(), extra.begin(), extra.end());
  for (const AddedToken& token : lists) config.special.push_back(token.content);
  if (!lists.empty()) names.lists = std::move(lists);
}

// Names of a model's own, in the file's order, which Node does not keep.
void read_other_names(const std::string& content, TokenizerConfig& config, SpecialNames& names) {
  const auto ordered = nlohmann::ordered_json::parse(content, nullptr, false);
  if (!ordered.is_object()) return;
  for (const auto& [key, value] : ordered.items()) {
    const bool usual = std::find(kNamedKeys.begin(), kNamedKeys.end(), key) != kNamedKeys.end();
    if (usual || !key.ends_with("_token") || !value.is_string()) continue;
    if (auto token = named_token(Node(value.get<std::string>()))) {
      config.special.push_back(token->content);
      names.others.push_back(*std::move(token));
    }
  }
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

Status read_config_file(const ModelFolder& folder, TokenizerConfig& config, SpecialNames& names) {
  const std::string* content = folder.find(kConfigFile);
  if (content == nullptr) return {};
  RELATA_TRY(const Node node, parse_node(*content, folder.path(kConfigFile)));
  JsonReader reader(node, folder.path(kConfigFile));
  RELATA_CHECK(reader.status());
  // Transformers believes this file where it is of the newer kind, which lists the added tokens.
  names.lists_added = reader.find("added_tokens_decoder") != nullptr;
  read_special_names(reader, false, names.lists_added, config, names);
  read_other_names(*content, config, names);
  RELATA_CHECK(read_added_decoder(reader, config));
  config.extra_ids = reader.integer("extra_ids", config.extra_ids);
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

Status read_map_file(const ModelFolder& folder, TokenizerConfig& config, SpecialNames& names) {
  const std::string* content = folder.find(kMapFile);
  if (content == nullptr) return {};
  RELATA_TRY(const Node node, parse_node(*content, folder.path(kMapFile)));
  const JsonReader reader(node, folder.path(kMapFile));
  RELATA_CHECK(reader.status());
  read_special_names(reader, true, true, config, names);
  return {};
}

// From before the configuration listed the added tokens, which it then does alone. A token is
// searched in the normalised text, unless it is a special one.
Status read_added_file(const ModelFolder& folder, const SpecialNames& names,
                       TokenizerConfig& config) {
  const std::string* content = folder.find(kAddedFile);
  if (content == nullptr || names.lists_added) return {};
  const std::string path = folder.path(kAddedFile);
  RELATA_TRY(const Node node, parse_node(*content, path));
  if (!node.is_object()) return input_error(path + ": an object of token to id is wanted");
  for (const auto& [key, value] : node.items()) {
    const int64_t id = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (key.empty() || key.size() > kLongestToken || id < 0 || id >= kIdLimit) {
      return input_error(path + ": \"" + key + "\" has no usable id");
    }
    const bool special = names.name(key);
    config.added.push_back({.content = key,
                            .id = static_cast<int32_t>(id),
                            .special = special,
                            .normalized = !special});
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

// As Transformers finds the class of a tokenizer whose own configuration names none: by the
// model's. Of those whose class decides something here, be it that the files are another model's.
std::string class_of_model(const ModelFolder& folder) {
  constexpr std::pair<const char*, const char*> kClasses[] = {
      {"bert", "BertTokenizer"},           {"electra", "ElectraTokenizer"},
      {"roberta", "RobertaTokenizer"},     {"xlm-roberta", "XLMRobertaTokenizer"},
      {"camembert", "CamembertTokenizer"}, {"mbart", "MBartTokenizer"},
      {"m2m_100", "M2M100Tokenizer"}};
  const std::string path = folder.path("config.json");
  if (!file_exists(path)) return "";
  const Result<std::string> content = read_file(path);
  const Node root = content.ok() ? Node::parse(content.value(), nullptr, false) : Node();
  const auto named = [&](const char* key) -> std::string {
    const auto found = root.is_object() ? root.find(key) : root.end();
    return found != root.end() && found->is_string() ? found->get<std::string>() : "";
  };
  if (const std::string name = named("tokenizer_class"); !name.empty()) return name;
  const std::string type = named("model_type");
  for (const auto& [model, name] : kClasses) {
    if (type == model) return name;
  }
  return "";
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
  SpecialNames named;
  RELATA_CHECK(read_map_file(folder, config, named));
  RELATA_CHECK(read_config_file(folder, config, named));
  if (config.tokenizer_class.empty()) config.tokenizer_class = class_of_model(folder);
  const std::pair<const char*, std::optional<std::string>*> known[] = {
      {"bos_token", &config.bos},  {"eos_token", &config.eos}, {"unk_token", &config.unk},
      {"cls_token", &config.cls},  {"sep_token", &config.sep}, {"pad_token", &config.pad},
      {"mask_token", &config.mask}};
  for (const auto& [key, out] : known) {
    const auto found = named.by_key.find(key);
    if (found != named.by_key.end()) *out = found->second.content;
  }
  config.named = named.in_order();
  RELATA_CHECK(read_added_file(folder, named, config));
  RELATA_CHECK(read_generation_file(folder, config));
  for (auto& token : config.added) {
    const auto& names = config.special;
    if (std::find(names.begin(), names.end(), token.content) != names.end()) token.special = true;
  }
  return config;
}

Result<std::vector<int32_t>> generation_stops(const std::string& folder) {
  RELATA_TRY(const ModelFolder files, ModelFolder::read(folder));
  TokenizerConfig config;
  RELATA_CHECK(read_generation_file(files, config));
  return config.stops;
}

}  // namespace relata::text
