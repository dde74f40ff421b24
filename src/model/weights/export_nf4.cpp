// Folders in NF4, as Transformers with bitsandbytes writes and loads them.
#include <set>

#include "arch/architecture.h"
#include "relata/base/file.h"
#include "relata/model/damage.h"
#include "relata/model/export.h"
#include "weights/checkpoint.h"
#include "weights/export_common.h"
#include "weights/nf4_state.h"
#include "weights/tensor_list.h"

namespace relata::model {
namespace {

// config.json's "quantization_config", as Transformers' BitsAndBytesConfig.
Json quantization_config(const std::string& compute_dtype, bool double_quantization) {
  return {{"quant_method", "bitsandbytes"},
          {"load_in_4bit", true},
          {"load_in_8bit", false},
          {"bnb_4bit_quant_type", "nf4"},
          {"bnb_4bit_use_double_quant", double_quantization},
          {"bnb_4bit_compute_dtype", compute_dtype},
          {"bnb_4bit_quant_storage", "uint8"}};
}

// A layer that Transformers' encoders without a head end in, and that vectors make no use of.
constexpr const char* kPooler = "pooler.dense";

// What Transformers would have in four bits beside the layers' projections, were it not told.
Json unquantised_modules(const DecoderConfig& config, const Naming& names) {
  Json out = Json::array();
  if (config.embedding_size > 0) out.push_back(names.embedding_projection);
  if (config.labels > 0) {
    out.push_back(names.label_dense);
    out.push_back(names.label_output);
  } else {
    out.push_back(kPooler);
  }
  return out;
}

// An encoder's pooler, where the model has one, so that Transformers need not make one up.
Status add_pooler(const std::string& model, const DecoderConfig& config, at::ScalarType type,
                  TensorList& tensors) {
  RELATA_TRY(const auto source, open_weights(model));
  const std::string prefix = architecture_of(config).names.prefix;
  for (const std::string end : {".weight", ".bias"}) {
    const std::string name = kPooler + end;
    const std::string stored_name = source->find(name) ? name : prefix + name;
    const auto stored = source->find(stored_name);
    if (!stored) continue;
    const at::Tensor value = at::empty(stored->shape);
    RELATA_CHECK(source->read(stored_name, value));
    RELATA_CHECK(check_written(name, value, value.to(type)));
    tensors.add(name, value.to(type));
  }
  return {};
}

void add_quantised(const std::string& name, const at::Tensor& value, bool twice,
                   const std::string& dtype, TensorList& tensors) {
  const nn::Nf4Tensors packed = nn::quantize_nf4(value, twice);
  tensors.add(name, packed.packed.view({-1, 1}));
  for (const auto& [end, tensor] : nf4_state(packed, value.sizes(), dtype)) {
    tensors.add(name + end, tensor);
  }
}

Status check_not_quantised(const std::string& model) {
  RELATA_TRY(const auto source, open_weights(model));
  for (const std::string& name : source->names()) {
    if (source->find(name)->type == "NF4") {
      return usage_error(model + ": this model is in NF4 already", "use it as it is");
    }
  }
  return {};
}

}  // namespace

Status export_nf4(const std::string& model, const std::string& folder, bool double_quantization) {
  RELATA_CHECK(check_place(model, folder));
  RELATA_TRY(const DecoderConfig stated, read_decoder_config(model));
  RELATA_CHECK(check_hf_form(stated));
  RELATA_CHECK(check_not_quantised(model));
  RELATA_TRY(const GgmlType stored, export_type("auto", stated));
  const at::ScalarType type = stored == GgmlType::kF32   ? at::kFloat
                              : stored == GgmlType::kF16 ? at::kHalf
                                                         : at::kBFloat16;
  RELATA_TRY(const auto decoder, load_for_export(model, {}, stored));
  DecoderConfig config = decoder->config();  // whether the head is tied, the weights may say
  config.dtype = type == at::kFloat ? "float32" : type == at::kHalf ? "float16" : "bfloat16";
  const Naming names = written_names(config);
  const std::set<std::string> quantised = Checkpoint::projection_names(config, names);
  TensorList tensors;
  for (const NamedWeight& weight : Checkpoint::weights(*decoder, names)) {
    const at::Tensor value = stored_form(weight).to(type);
    RELATA_CHECK(check_written(weight.name, weight.value, value));
    if (quantised.contains(weight.name)) {
      add_quantised(weight.name, value, double_quantization, config.dtype, tensors);
    } else {
      tensors.add(weight.name, value);
    }
  }
  const bool encoder = !config.causal;
  if (encoder && config.labels == 0) RELATA_CHECK(add_pooler(model, config, type, tensors));
  RELATA_CHECK(make_folders(folder));
  RELATA_TRY(const auto origin, origin_of(model, {}));
  RELATA_CHECK(write_safetensors(folder + "/model.safetensors", tensors.list, origin));
  Json json = decoder_config_to_json(config);
  json["quantization_config"] = quantization_config(config.dtype, double_quantization);
  if (encoder) {
    json["quantization_config"]["llm_int8_skip_modules"] = unquantised_modules(config, names);
  }
  RELATA_CHECK(write_json(folder + "/config.json", json));
  return copy_companions(model, folder);
}

}  // namespace relata::model
