#include "relata/model/identity.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/json.h"
#include "relata/base/parallel.h"

namespace relata::model {
namespace {

namespace fs = std::filesystem;

// Small files beside the weights that change an answer, in the order they are hashed.
constexpr const char* kBeside[] = {"config.json",
                                   "generation_config.json",
                                   "tokenizer.json",
                                   "tokenizer.model",
                                   "tokenizer.model.v3",
                                   "spiece.model",
                                   "spm.model",
                                   "vocab.txt",
                                   "vocab.json",
                                   "merges.txt",
                                   "tokenizer_config.json",
                                   "special_tokens_map.json",
                                   "added_tokens.json",
                                   "chat_template.jinja"};
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr size_t kBlock = size_t{1} << 26;

// Blocks are hashed apart, so that threads can share a large file.
Result<std::string> file_digest(const std::string& path) {
  RELATA_TRY(const auto file, MappedFile::open(path));
  const auto bytes = file->bytes();
  const size_t blocks = std::max<size_t>(1, (bytes.size() + kBlock - 1) / kBlock);
  std::vector<std::string> digests(blocks);
  run_pieces(blocks, [&](size_t i) {
    const size_t begin = i * kBlock;
    const auto block = bytes.subspan(begin, std::min(kBlock, bytes.size() - begin));
    digests[i] = sha256_hex({reinterpret_cast<const char*>(block.data()), block.size()});
  });
  std::string all = std::to_string(bytes.size());
  for (const std::string& digest : digests) all += digest;
  return sha256_hex(all);
}

std::vector<std::string> files_ending_in(const std::string& folder, const std::string& ending) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The shards that an index names; what is wrong with the index is the model reader's to say.
Result<std::vector<std::string>> indexed_shards(const std::string& folder) {
  RELATA_TRY(const Json index, read_json(folder + "/" + kIndex));
  std::set<std::string> shards;
  if (index.is_object() && index.contains("weight_map") && index["weight_map"].is_object()) {
    for (const auto& [tensor, shard] : index["weight_map"].items()) {
      if (!shard.is_string()) continue;
      const auto name = shard.get<std::string>();
      if (fs::path(name).filename() == name) shards.insert(name);
    }
  }
  return std::vector<std::string>(shards.begin(), shards.end());
}

Result<std::vector<std::string>> weight_files(const std::string& folder) {
  if (file_exists(folder + "/model.safetensors")) {
    return std::vector<std::string>{"model.safetensors"};
  }
  std::vector<std::string> names;
  if (file_exists(folder + "/" + kIndex)) {
    RELATA_TRY(names, indexed_shards(folder));
    names.emplace_back(kIndex);
  }
  if (names.empty()) names = files_ending_in(folder, ".gguf");
  if (names.empty()) {
    return input_error(folder + ": no model.safetensors and no " + kIndex + " here",
                       "give the folder that has the model's config.json and weights");
  }
  return names;
}

Status append(const std::string& folder, const std::vector<std::string>& names,
              const std::string& part, std::string& out) {
  for (const std::string& name : names) {
    RELATA_TRY(const std::string digest, file_digest(folder + "/" + name));
    out += part + "/" + name + " " + digest + "\n";
  }
  return {};
}

Status append_model(const std::string& model, std::string& out) {
  if (!fs::is_directory(model)) {
    RELATA_TRY(const std::string digest, file_digest(model));
    out += "model " + digest + "\n";
    return {};
  }
  std::vector<std::string> names;
  for (const char* name : kBeside) {
    if (file_exists(model + "/" + name)) names.emplace_back(name);
  }
  for (std::string& name : files_ending_in(model, ".tiktoken")) names.push_back(std::move(name));
  RELATA_TRY(const std::vector<std::string> weights, weight_files(model));
  names.insert(names.end(), weights.begin(), weights.end());
  return append(model, names, "model", out);
}

Status append_adapter(const std::string& folder, std::string& out) {
  constexpr const char* kConfig = "adapter_config.json";
  std::vector<std::string> parts;  // of a folder of adapters, by their names
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (fs::exists(entry.path() / kConfig)) parts.push_back(entry.path().filename().string());
  }
  if (file_exists(folder + "/" + kConfig) || parts.empty()) parts = {""};
  std::sort(parts.begin(), parts.end());
  for (const std::string& part : parts) {
    const std::string name = part.empty() ? "" : "/" + part;
    RELATA_CHECK(
        append(folder + name, {kConfig, "adapter_model.safetensors"}, "adapter" + name, out));
  }
  return {};
}

}  // namespace

Result<std::string> model_identity(const ModelFiles& files) {
  std::string list;
  RELATA_CHECK(append_model(files.model, list));
  if (!files.adapter.empty()) RELATA_CHECK(append_adapter(files.adapter, list));
  if (files.dtype != "auto") list += "dtype " + files.dtype + "\n";
  return "sha256:" + sha256_hex(list);
}

Result<std::string> adapter_identity(const std::string& folder) {
  std::string list;
  RELATA_CHECK(append_adapter(folder, list));
  return "sha256:" + sha256_hex(list);
}

}  // namespace relata::model
