// An engine from a model's files.
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/engine/native.h"
#include "relata/model/decoder.h"
#include "relata/model/vocabulary.h"

namespace relata::engine {
namespace {

Result<std::string> file_hash(const std::string& path) {
  RELATA_TRY(auto mapped, MappedFile::open(path));
  return sha256_hex(
      {reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size()});
}

bool has_tokenizer(const std::string& model) {
  if (model.ends_with(".gguf")) return true;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json",
                           "vocab.txt", "qwen.tiktoken"}) {
    if (file_exists(model + "/" + name)) return true;
  }
  return false;
}

Result<std::string> model_id(const std::string& model) {
  if (model.ends_with(".gguf")) {
    RELATA_TRY(const std::string hash, file_hash(model));
    return "sha256:" + hash;
  }
  RELATA_TRY(std::string identity, read_file(model + "/config.json"));
  for (const char* name : {"model.safetensors.index.json", "model.safetensors"}) {
    if (!file_exists(model + "/" + name)) continue;
    RELATA_TRY(const std::string hash, file_hash(model + "/" + name));
    identity += hash;
    break;
  }
  return "sha256:" + sha256_hex(identity);
}

}  // namespace

Result<std::unique_ptr<generate::Engine>> make_native_engine(const NativeEngineOptions& options) {
  RELATA_TRY(auto model, model::Decoder::load(options.model, options.dtype));
  for (const auto& [name, folder] : options.adapters) {
    RELATA_CHECK(model->load_adapter(name, folder));
  }
  model->keep_packed_only();
  std::shared_ptr<const text::Tokenizer> tokenizer;
  if (has_tokenizer(options.model)) {
    RELATA_TRY(tokenizer, text::load_tokenizer(options.model));
    RELATA_CHECK(model::check_vocabulary(*tokenizer, model->config().vocab_size, options.model));
  }
  RELATA_TRY(const std::string id, model_id(options.model));
  return make_engine(std::move(model), std::move(tokenizer), options, id);
}

}  // namespace relata::engine
