#include "relata/model/identity.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/base/hash.h"
#include "relata/base/json.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"
#include "relata/model/safetensors.h"

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
constexpr const char* kPieces = "sentencepiece.bpe.model";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr size_t kBlock = size_t{1} << 26;

// Blocks are hashed apart, so that threads can share much.
std::string digest_of(std::span<const std::byte> bytes) {
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

Result<std::string> file_digest(const std::string& path) {
  RELATA_TRY(const auto file, MappedFile::open(path));
  return digest_of(file->bytes());
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
  // XLM-RoBERTa's, which elsewhere lies beside a tokenizer.json and changes nothing.
  if (!file_exists(model + "/tokenizer.json") && file_exists(model + "/" + kPieces)) {
    names.emplace_back(kPieces);
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

// Of one tensor: what it is called, how it is stored, and its bytes.
std::string tensor_line(const std::string& name, const std::string& type,
                        const std::vector<int64_t>& shape, std::span<const std::byte> bytes) {
  std::string line = name;
  line.append(" ").append(type);
  for (const int64_t size : shape) line.append(" ").append(std::to_string(size));
  return line.append(" ").append(digest_of(bytes)).append("\n");
}

constexpr std::string_view kHash = "sha256:";

// An identity that a file states, which may say anything.
Result<std::string> stated_identity(const std::string& value, const std::string& where) {
  std::string_view digits = value;
  if (digits.starts_with(kHash)) digits.remove_prefix(kHash.size());
  if (value.size() == kHash.size() + 64 && digits.size() == 64 &&
      digits.find_first_not_of("0123456789abcdef") == std::string_view::npos) {
    return value;
  }
  return input_error(where + ": its " + kBaseKey + " is not \"sha256:\" and 64 digits",
                     "the file is damaged or was changed; make or get it again");
}

Result<std::string> stated_identity(const std::map<std::string, std::string>& metadata,
                                    const std::string& where) {
  const auto found = metadata.find(kBaseKey);
  if (found == metadata.end()) return std::string();
  return stated_identity(found->second, where);
}

Result<std::string> gguf_base(const std::string& path) {
  RELATA_TRY(const auto file, GgufFile::open(path));
  if (file->has(kBaseKey)) {
    RELATA_TRY(const std::string stated, file->get_string(kBaseKey));
    return stated_identity(stated, path);
  }
  std::vector<std::string> lines;
  for (const GgufTensor& t : file->tensors()) {
    lines.push_back(tensor_line(t.name, name_of(t.type), t.shape, t.bytes));
  }
  std::sort(lines.begin(), lines.end());  // parts of a split file may come in any order
  std::string all;
  for (const std::string& line : lines) all += line;
  return std::string(kHash) + sha256_hex(all);
}

// "sha256:" and the digits that tell two contents apart.
std::string shortened(std::string identity) {
  identity.resize(std::min(identity.size(), kHash.size() + 12));
  return identity;
}

// What the adapter's own configuration calls its base, for people.
std::string name_of_base(const std::string& adapter) {
  const auto json = read_json(adapter + "/adapter_config.json");
  if (!json.ok() || !json->is_object()) return "";
  const auto name = json->find("base_model_name_or_path");
  return name != json->end() && name->is_string() ? name->get<std::string>() : "";
}

}  // namespace

Result<std::string> base_identity(const std::string& model) {
  if (is_gguf(model)) return gguf_base(model);
  const std::string single = model + "/model.safetensors";
  if (file_exists(single)) {
    std::map<std::string, std::string> metadata;
    RELATA_CHECK(read_safetensors(single, &metadata));
    RELATA_TRY(std::string stated, stated_identity(metadata, single));
    if (!stated.empty()) return stated;
  }
  RELATA_TRY(const TensorViews tensors, read_model_tensors(model));
  std::string all;
  for (const auto& [name, view] : tensors)
    all += tensor_line(name, view.dtype, view.shape, view.bytes);
  return std::string(kHash) + sha256_hex(all);
}

Result<std::string> recorded_base(const std::string& folder) {
  const std::string path = folder + "/adapter_model.safetensors";
  std::map<std::string, std::string> metadata;
  RELATA_CHECK(read_safetensors(path, &metadata));
  return stated_identity(metadata, path);
}

Status check_base(const std::string& adapter, const std::string& model, bool any_base) {
  RELATA_TRY(const std::string wanted, recorded_base(adapter));
  if (wanted.empty()) return {};
  RELATA_TRY(const std::string found, base_identity(model));
  if (found == wanted) return {};
  const std::string name = name_of_base(adapter);
  std::string problem = adapter + ": this adapter was trained on another base: ";
  if (!name.empty()) problem.append(name).append(", ");
  problem.append(shortened(wanted)).append("; ").append(model).append(" is ");
  problem.append(shortened(found));
  if (any_base) {
    log_warning(problem);
    return {};
  }
  return input_error(problem,
                     "give the base it was trained on, or one that `relata model export` or "
                     "`quantize` made of it; --any-base (any_base=true in training) goes on with "
                     "this one");
}

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
