// An engine from a model's files.
#include "relata/base/hash.h"
#include "relata/engine/native.h"
#include "relata/model/decoder.h"
#include "relata/model/identity.h"
#include "relata/model/vocabulary.h"

namespace relata::engine {
namespace {

Result<std::string> identity_of(const NativeEngineOptions& options) {
  if (options.adapters.size() <= 1) {
    const std::string adapter = options.adapters.empty() ? "" : options.adapters.front().second;
    return model::model_identity({options.model, adapter, options.dtype});
  }
  RELATA_TRY(std::string all, model::model_identity({options.model, "", options.dtype}));
  for (const auto& [name, folder] : options.adapters) {
    RELATA_TRY(const std::string adapter, model::adapter_identity(folder));
    all += " " + name + " " + adapter;
  }
  return "sha256:" + sha256_hex(all);
}

}  // namespace

Result<std::unique_ptr<generate::Engine>> make_native_engine(const NativeEngineOptions& options) {
  RELATA_TRY(const auto config, model::read_decoder_config(options.model));
  RELATA_CHECK(model::check_causal(config, options.model));
  RELATA_TRY(auto model, model::Decoder::load(options.model, options.dtype));
  for (const auto& [name, folder] : options.adapters) {
    RELATA_CHECK(model->load_adapter(name, folder));
  }
  model->keep_packed_only();
  RELATA_TRY(auto tokenizer, text::find_tokenizer(options.model));
  if (tokenizer) {
    RELATA_CHECK(model::check_vocabulary(*tokenizer, model->config().vocab_size, options.model));
  }
  RELATA_TRY(std::string id, identity_of(options));
  return make_engine(std::move(model), std::move(tokenizer), options, std::move(id));
}

}  // namespace relata::engine
