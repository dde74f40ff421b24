#include "relata/model/export.h"

#include <array>
#include <filesystem>

#include "arch/architecture.h"
#include "relata/model/damage.h"
#include "relata/model/identity.h"
#include "weights/checkpoint.h"
#include "weights/export_common.h"

namespace relata::model {
namespace {

constexpr std::array kTypes = {std::pair("f32", GgmlType::kF32), std::pair("f16", GgmlType::kF16),
                               std::pair("bf16", GgmlType::kBf16),
                               std::pair("q8_0", GgmlType::kQ80)};

GgmlType stored_type(const std::string& dtype) {
  if (dtype == "float32") return GgmlType::kF32;
  return dtype == "float16" ? GgmlType::kF16 : GgmlType::kBf16;
}

}  // namespace

Status check_place(const std::string& model, const std::string& out) {
  std::error_code problem;
  if (!std::filesystem::equivalent(model, out, problem)) return {};
  return usage_error(out + ": this is the model itself", "name another place to write to");
}

Result<GgmlType> export_type(const std::string& dtype, const DecoderConfig& config) {
  if (dtype == "auto") return stored_type(config.dtype);
  for (const auto& [name, type] : kTypes) {
    if (dtype == name) return type;
  }
  return usage_error("dtype \"" + dtype + "\" is not known", "use f32, bf16, f16 or q8_0");
}

Result<std::shared_ptr<Decoder>> load_for_export(const std::string& model,
                                                 const ExportOptions& options, GgmlType type) {
  LoadOptions how;
  how.dtype = type == GgmlType::kBf16 ? "bfloat16" : "float32";
  RELATA_TRY(auto decoder, Decoder::load(model, how));
  if (!options.adapter.empty()) {
    RELATA_TRY(const int index,
               decoder->load_adapter("adapter", options.adapter, options.any_base));
    RELATA_CHECK(check_adapter(*decoder, index));  // in the sum no one could tell whose fault it is
    RELATA_CHECK(decoder->merge_adapter(index));
  }
  return decoder;
}

Result<std::map<std::string, std::string>> origin_of(const std::string& model,
                                                     const ExportOptions& options) {
  std::map<std::string, std::string> out;
  if (!options.adapter.empty()) return out;
  RELATA_TRY(out[kBaseKey], base_identity(model));
  return out;
}

Status export_hf(const std::string& model, const std::string& folder,
                 const ExportOptions& options) {
  RELATA_CHECK(check_place(model, folder));
  RELATA_TRY(const DecoderConfig config, read_decoder_config(model));
  RELATA_CHECK(check_hf_form(config));
  RELATA_TRY(const GgmlType type, export_type(options.dtype, config));
  if (type == GgmlType::kQ80) {
    return usage_error("q8_0 is a type of GGUF files", "use f32, bf16 or f16, or --to gguf");
  }
  RELATA_TRY(const auto decoder, load_for_export(model, options, type));
  const at::ScalarType stored = type == GgmlType::kF32   ? at::kFloat
                                : type == GgmlType::kF16 ? at::kHalf
                                                         : at::kBFloat16;
  RELATA_TRY(const auto origin, origin_of(model, options));
  RELATA_CHECK(Checkpoint::save(*decoder, stored, folder, origin));
  return copy_companions(model, folder);
}

Result<int64_t> lora_parameter_count(const DecoderConfig& config, const LoraConfig& lora) {
  return Checkpoint::lora_parameters(config, lora);
}

}  // namespace relata::model
