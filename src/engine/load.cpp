// An engine from a model's files.
#include "relata/base/hash.h"
#include "relata/engine/native.h"
#include "relata/model/decoder.h"
#include "relata/model/identity.h"
#include "relata/model/vocabulary.h"

namespace relata::engine {
namespace {

// What the weights are turned into before they are computed with.
std::string form_of(const NativeEngineOptions& options) {
  std::string form = options.dtype;
  if (!options.quantize.empty()) {
    form += " " + options.quantize + (options.double_quantization ? " twice" : "");
  }
  // Another device rounds elsewhere.
  if (model::default_device() != "cpu") form += " on an accelerator";
  // Blocks in their own form and in bfloat16 are multiplied in another order of roundings.
  if (!options.dequantize) form += " packed";
  return form;
}

Result<std::string> identity_of(const NativeEngineOptions& options) {
  if (options.adapters.size() <= 1) {
    const std::string adapter = options.adapters.empty() ? "" : options.adapters.front().second;
    return model::model_identity({options.model, adapter, form_of(options)});
  }
  RELATA_TRY(std::string all, model::model_identity({options.model, "", form_of(options)}));
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
  model::LoadOptions how;
  how.dtype = options.dtype;
  how.dequantize = options.dequantize;
  how.quantize = options.quantize;
  how.double_quantization = options.double_quantization;
  RELATA_TRY(auto model, model::Decoder::load(options.model, how));
  for (const auto& [name, folder] : options.adapters) {
    RELATA_CHECK(model->load_adapter(name, folder, options.any_base));
  }
  model->keep_packed_only();
  RELATA_TRY(auto tokenizer, text::find_tokenizer(options.model));
  NativeEngineOptions used = options;
  if (tokenizer) {
    RELATA_CHECK(model::check_vocabulary(*tokenizer, model->config().vocab_size, options.model));
  } else {
    RELATA_TRY(used.stops, text::generation_stops(options.model));
  }
  RELATA_TRY(std::string id, identity_of(options));
  return make_engine(std::move(model), std::move(tokenizer), used, std::move(id));
}

}  // namespace relata::engine
