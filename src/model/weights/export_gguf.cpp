// GGUF files that llama.cpp runs: whole models and LoRA adapters.
#include <ATen/Parallel.h>

#include <filesystem>
#include <vector>

#include "arch/architecture.h"
#include "arch/gguf.h"
#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/kernels/gguf_blocks.h"
#include "relata/model/damage.h"
#include "relata/model/export.h"
#include "relata/text/gguf_export.h"
#include "weights/checkpoint.h"
#include "weights/export_common.h"

namespace relata::model {
namespace {

constexpr uint32_t kQuantizationVersion = 2;
constexpr int64_t kQ8Block = 32;

uint32_t file_type(GgmlType type) {  // llama.cpp's LLAMA_FTYPE_*
  switch (type) {
    case GgmlType::kF32:
      return 0;
    case GgmlType::kF16:
      return 1;
    case GgmlType::kQ80:
      return 7;
    default:
      return 32;  // BF16
  }
}

// llama.cpp wants vectors and what it adds to embeddings in float32, and rows that do not fill
// blocks in a type without.
GgmlType type_of(const NamedWeight& weight, const Naming& names, GgmlType wanted) {
  const bool added = !names.positions.empty() && (weight.name == names.positions + ".weight" ||
                                                  weight.name == names.types + ".weight");
  if (weight.value.dim() < 2 || added) return GgmlType::kF32;
  if (wanted == GgmlType::kQ80 && weight.value.size(-1) % kQ8Block != 0) return GgmlType::kF16;
  return wanted;
}

// What sentence-transformers does with an encoder's states, by llama.cpp's number: 1 (mean), 2 (the
// first token's) or 3 (the last one's). Others have no number there.
Result<uint32_t> pooling_number(const std::string& folder) {
  const std::string path = folder + "/1_Pooling/config.json";
  if (!file_exists(path)) return 1U;
  RELATA_TRY(const Json value, read_json(path));
  const auto is = [&](const char* flag, const char* name) {
    return value.is_object() &&
           (value.value(flag, Json()) == true || value.value("pooling_mode", Json()) == name);
  };
  if (is("pooling_mode_mean_tokens", "mean")) return 1U;
  if (is("pooling_mode_cls_token", "cls")) return 2U;
  if (is("pooling_mode_lasttoken", "lasttoken")) return 3U;
  return usage_error(path + ": its pooling has no GGUF form", "export the model to hf instead");
}

// A block of Q8_0 has a scale in float16, of which its largest number is 127.
bool fits_q8(const at::Tensor& values) {
  constexpr float kLargest = 127.0F * 65504.0F;
  return values.numel() == 0 || values.abs().max().item<float>() <= kLargest;
}

Result<std::vector<std::byte>> encoded(const std::string& name, const at::Tensor& weight,
                                       GgmlType type) {
  const at::ScalarType plain = type == GgmlType::kBf16  ? at::kBFloat16
                               : type == GgmlType::kF16 ? at::kHalf
                                                        : at::kFloat;
  const at::Tensor values = weight.detach().to(plain).contiguous();
  RELATA_CHECK(check_written(name, weight, values));
  if (type == GgmlType::kQ80 && !fits_q8(values)) {
    return input_error("tensor " + name + " holds a number that is too large for type Q8_0",
                       "write it as f32 or bf16");
  }
  const auto* data = static_cast<const std::byte*>(values.data_ptr());
  if (type != GgmlType::kQ80) return std::vector<std::byte>(data, data + values.nbytes());
  const GgmlBlock block = ggml_block(type);
  const int64_t blocks = values.numel() / block.elements;
  std::vector<std::byte> out(static_cast<size_t>(blocks * block.bytes));
  const auto* floats = values.data_ptr<float>();
  at::parallel_for(0, blocks, 1 << 12, [&](int64_t begin, int64_t end) {
    kernels::quantize_q8_0(floats + begin * block.elements, (end - begin) * block.elements,
                           out.data() + begin * block.bytes);
  });
  return out;
}

// Tensors in the order of their addition, each encoded when its turn to be written comes.
class Tensors {
 public:
  void add(const std::string& name, const at::Tensor& weight, GgmlType type) {
    list_.push_back({name, type, weight.sizes().vec(),
                     [this, name, weight, type]() -> Result<std::span<const std::byte>> {
                       RELATA_TRY(buffer_, encoded(name, weight, type));
                       return std::span<const std::byte>(buffer_);
                     }});
  }
  void add(const NamedWeight& weight, GgmlType type) {
    list_.push_back({weight.name, type, weight.value.sizes().vec(),
                     [this, weight, type]() -> Result<std::span<const std::byte>> {
                       RELATA_TRY(buffer_, encoded(weight.name, stored_form(weight), type));
                       return std::span<const std::byte>(buffer_);
                     }});
  }
  const std::vector<GgufTensorToWrite>& list() const { return list_; }

 private:
  std::vector<GgufTensorToWrite> list_;
  std::vector<std::byte> buffer_;
};

std::string name_of_model(const std::string& path) {
  std::filesystem::path p(path);
  if (!p.has_filename()) p = p.parent_path();
  return p.extension() == ".gguf" ? p.stem().string() : p.filename().string();
}

// rope_freqs.weight: what each frequency is divided by.
at::Tensor rope_divisors(const DecoderConfig& config) {
  RopeConfig plain;
  plain.theta = config.rope.theta;
  const auto before = rope_frequencies(config, plain, 0).inverse;
  const auto after = rope_frequencies(config, config.rope, 0).inverse;
  return at::tensor(before, at::kFloat) / at::tensor(after, at::kFloat);
}

Status check_path(const std::string& model, const std::string& path) {
  RELATA_CHECK(check_place(model, path));
  if (path.ends_with(".gguf")) return {};
  return usage_error(path + ": the name of a GGUF file ends in .gguf", "name it so");
}

}  // namespace

Status export_gguf(const std::string& model, const std::string& path,
                   const ExportOptions& options) {
  RELATA_TRY(const DecoderConfig config, read_decoder_config(model));
  RELATA_CHECK(check_path(model, path));
  RELATA_CHECK(check_gguf_form(config));
  RELATA_TRY(const GgmlType type, export_type(options.dtype, config));
  RELATA_TRY(GgufMetadata metadata, decoder_config_to_gguf(config, name_of_model(model)));
  metadata.emplace_back("general.file_type", file_type(type));
  if (type == GgmlType::kQ80) {
    metadata.emplace_back("general.quantization_version", kQuantizationVersion);
  }
  const Architecture& architecture = architecture_of(config);
  if (!config.causal && !is_gguf(model)) {
    RELATA_TRY(const uint32_t pooling, pooling_number(model));
    metadata.emplace_back(architecture.gguf + ".pooling_type", pooling);
  }
  RELATA_TRY(const auto origin, origin_of(model, options));
  metadata.insert(metadata.end(), origin.begin(), origin.end());
  std::shared_ptr<const GgufFile> source;  // raw values are views into it
  if (is_gguf(model)) {
    RELATA_TRY(source, GgufFile::open(model));
    for (const std::string& key : source->keys()) {
      const bool carried =
          key.starts_with("tokenizer.") && key != "tokenizer.ggml.token_type_count";
      if (carried || key.ends_with(".pooling_type"))
        metadata.emplace_back(key, source->raw_value(key));
    }
  } else {
    RELATA_TRY(const GgufMetadata tokens, text::gguf_tokenizer_metadata(model, config.vocab_size));
    metadata.insert(metadata.end(), tokens.begin(), tokens.end());
  }
  RELATA_TRY(const auto decoder, load_for_export(model, options, type));
  Tensors tensors;
  if (config.rope.type == "llama3" || config.rope.type == "divisors") {
    tensors.add("rope_freqs.weight", rope_divisors(config), GgmlType::kF32);
  }
  for (const NamedWeight& weight : Checkpoint::weights(*decoder, architecture.gguf_names)) {
    tensors.add(weight, type_of(weight, architecture.gguf_names, type));
  }
  return write_gguf(path, metadata, tensors.list());
}

Status export_gguf_lora(const std::string& model, const std::string& adapter,
                        const std::string& path, bool any_base) {
  RELATA_TRY(const DecoderConfig config, read_decoder_config(model));
  RELATA_CHECK(check_path(model, path));
  RELATA_CHECK(check_gguf_names(config));
  RELATA_TRY(const auto decoder, Decoder::load(model, {}));
  RELATA_TRY(const int index, decoder->load_adapter("adapter", adapter, any_base));
  RELATA_CHECK(check_adapter(*decoder, index));
  const LoraConfig& lora = decoder->adapters()[static_cast<size_t>(index)].config;
  GgufMetadata metadata = {{"general.architecture", architecture_of(config).gguf},
                           {"general.type", std::string("adapter")},
                           {"general.name", name_of_model(adapter)},
                           {"general.file_type", file_type(GgmlType::kF32)},
                           {"adapter.type", std::string("lora")},
                           {"adapter.lora.alpha", static_cast<float>(lora.alpha)}};
  if (!lora.invocation.empty()) {
    metadata.emplace_back("adapter.alora.invocation_tokens",
                          std::vector<uint32_t>(lora.invocation.begin(), lora.invocation.end()));
  }
  Tensors tensors;
  for (const Checkpoint::LoraMatrices& m :
       Checkpoint::lora_matrices(*decoder, index, architecture_of(config).gguf_names)) {
    // llama.cpp scales by alpha over this tensor's rank, and not at all where alpha is 0; what is
    // left goes into B.
    const double scale = lora.alpha == 0.0 ? 1.0 : lora.alpha / static_cast<double>(m.a.size(0));
    tensors.add(m.module + ".weight.lora_a", m.a, GgmlType::kF32);
    tensors.add(m.module + ".weight.lora_b", m.b * (m.scale / scale), GgmlType::kF32);
  }
  return write_gguf(path, metadata, tensors.list());
}

}  // namespace relata::model
