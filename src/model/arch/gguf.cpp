#include "arch/gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

const Architecture* by_gguf_name(const std::string& name) {
  const auto& all = architectures();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Architecture& a) {
    return !a.gguf.empty() && a.gguf == name;
  });
  return found == all.end() ? nullptr : &*found;
}

// A size that a file may state for each layer; blocks here have one shape.
Result<int64_t> one_of_layers(const GgufFile& file, const std::string& key, int64_t layers,
                              std::optional<int64_t> fallback = {}) {
  if (!file.has(key) || file.raw_value(key).type != GgufValueType::kArray) {
    return file.get_integer(key, fallback);
  }
  RELATA_TRY(const std::vector<int64_t> values, file.get_integers(key));
  if (std::ssize(values) != layers || layers < 1) {
    return input_error(file.path() + ": " + key + " has " + std::to_string(values.size()) +
                           " values, the model " + std::to_string(layers) + " layers",
                       kDamaged);
  }
  const auto other = std::find_if(values.begin(), values.end(),
                                  [&](int64_t value) { return value != values.front(); });
  if (other == values.end()) return values.front();
  return input_error(file.path() + ": " + key + " has " + std::to_string(values.front()) +
                         " for layer 0 and " + std::to_string(*other) + " for layer " +
                         std::to_string(other - values.begin()),
                     "use a model whose layers have one shape");
}

// As llama.cpp demands it.
Status check_tokens(const GgufFile& file, int64_t rows) {
  const std::string key = "tokenizer.ggml.tokens";
  if (!file.has(key)) return {};
  RELATA_TRY(const auto tokens, file.get_strings(key));
  if (std::ssize(tokens) == rows) return {};
  return input_error(file.path() + ": tensor token_embd.weight has " + std::to_string(rows) +
                         " rows, " + key + " has " + std::to_string(tokens.size()) + " tokens",
                     kDamaged);
}

// Sizes by way of config.json's reader, so that both kinds of file meet the same checks.
Result<DecoderConfig> read_sizes(const GgufFile& file, const std::string& arch) {
  const auto key = [&](const char* name) { return arch + "." + name; };
  RELATA_TRY(const int64_t experts, file.get_integer(key("expert_count"), 0));
  if (experts > 0) {
    return input_error(file.path() + ": " + key("expert_count") + " of " + std::to_string(experts) +
                           " is not supported",
                       "models without experts can be used");
  }
  RELATA_TRY(const int64_t hidden, file.get_integer(key("embedding_length")));
  RELATA_TRY(const int64_t layers, file.get_integer(key("block_count")));
  RELATA_TRY(const int64_t inner, one_of_layers(file, key("feed_forward_length"), layers));
  RELATA_TRY(const int64_t heads, one_of_layers(file, key("attention.head_count"), layers));
  RELATA_TRY(const int64_t kv_heads,
             one_of_layers(file, key("attention.head_count_kv"), layers, heads));
  RELATA_TRY(const int64_t positions, file.get_integer(key("context_length")));
  // Of norms that take the mean off, where there are no others.
  const bool has_means = file.has(key("attention.layer_norm_epsilon")) &&
                         !file.has(key("attention.layer_norm_rms_epsilon"));
  RELATA_TRY(const double eps,
             file.get_number(key(has_means ? "attention.layer_norm_epsilon"
                                           : "attention.layer_norm_rms_epsilon")));
  RELATA_TRY(const int64_t head_dim,
             file.get_integer(key("attention.key_length"), heads > 0 ? hidden / heads : 0));
  RELATA_TRY(const int64_t rotated, file.get_integer(key("rope.dimension_count"), head_dim));
  const GgufTensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return input_error(file.path() + ": tensor token_embd.weight is missing",
                       "this is not a whole model; fetch it again");
  }
  RELATA_CHECK(check_tokens(file, embedding->shape[0]));
  if (rotated != head_dim) {
    return input_error(file.path() + ": rotation of " + std::to_string(rotated) + " of " +
                           std::to_string(head_dim) + " dimensions is not supported for " + arch,
                       "use another file of this model, or its Hugging Face folder");
  }
  const Json shape = {{"vocab_size", embedding->shape[0]},
                      {"hidden_size", hidden},
                      {"intermediate_size", inner},
                      {"num_hidden_layers", layers},
                      {"num_attention_heads", heads},
                      {"num_key_value_heads", kv_heads},
                      {"head_dim", head_dim},
                      {"max_position_embeddings", positions},
                      {"rms_norm_eps", eps}};
  DecoderConfig config;
  // Positions that are learned allow odd heads.
  if (file.find("position_embd.weight") != nullptr) config.position_rows = positions;
  MemberReader reader(shape, file.path() + ": metadata " + arch);
  read_shape(reader, {}, config);
  if (reader.error()) return configuration_error(reader);
  return config;
}

// Llama 3's scaling is stored as what each frequency is divided by; its own parameters are wanted
// when the model is written in another form. Those released share all but the factor.
void recognise_llama3(DecoderConfig& config) {
  constexpr double kApart = 1e-5;
  const RopeFrequencies stored = rope_frequencies(config, config.rope, 0);
  RopeConfig guess;
  guess.type = "llama3";
  guess.theta = config.rope.theta;
  guess.factor =
      std::round(*std::max_element(config.rope.divisors.begin(), config.rope.divisors.end()));
  for (int power = 5; power <= 20; ++power) {
    guess.original_max_position = int64_t{1} << power;
    const RopeFrequencies made = rope_frequencies(config, guess, 0);
    const bool same =
        std::equal(stored.inverse.begin(), stored.inverse.end(), made.inverse.begin(),
                   [](float a, float b) { return std::abs(a - b) <= kApart * std::abs(b); });
    if (!same) continue;
    config.rope = guess;
    return;
  }
}

// 0, which llama.cpp writes, is no scaling.
Result<double> read_factor(const GgufFile& file, const std::string& arch) {
  const std::string older = arch + ".rope.scale_linear";
  std::string key = arch + ".rope.scaling.factor";
  if (!file.has(key) && file.has(older)) key = older;
  RELATA_TRY(const double factor, file.get_number(key));
  if (!(factor >= 0.0) || !std::isfinite(factor)) {
    return input_error(file.path() + ": " + key + " must be a number that is not below 0",
                       kDamaged);
  }
  return factor == 0.0 ? 1.0 : factor;
}

// A number that must be above `low`.
Result<double> number_above(const GgufFile& file, const std::string& key, double low,
                            double fallback) {
  RELATA_TRY(const double value, file.get_number(key, fallback));
  if (value > low && std::isfinite(value)) return value;
  return input_error(file.path() + ": " + key + " must be a number above " + (low > 0 ? "1" : "0"),
                     kDamaged);
}

// What llama.cpp multiplies the rotation by, beside what the type of scaling does.
Status read_attention_factor(const GgufFile& file, const std::string& arch, DecoderConfig& config) {
  const std::string key = arch + ".rope.scaling.attn_factor";
  RELATA_TRY(const double stated, file.get_number(key, 1.0));
  if (stated == 1.0) return {};
  if (config.rope.type != "yarn") {
    return input_error(file.path() + ": " + key + " is supported for yarn scaling only",
                       "use the model as a Hugging Face folder");
  }
  RELATA_TRY(const double factor, number_above(file, key, 0.0, 1.0));
  config.rope.attention_factor = factor * rope_frequencies(config, config.rope, 0).attention_scale;
  return {};
}

// The numbers of config.json, which llama.cpp's converter copies for all architectures. Its program
// reads them for some and takes the usual ones for others; those of the model are meant.
Status read_yarn(const GgufFile& file, const std::string& arch, DecoderConfig& config) {
  const auto key = [&](const char* name) { return arch + ".rope.scaling." + name; };
  RELATA_TRY(config.rope.original_max_position,
             file.get_integer(key("original_context_length"), config.max_positions));
  RELATA_TRY(config.rope.beta_fast,
             number_above(file, key("yarn_beta_fast"), 0.0, config.rope.beta_fast));
  RELATA_TRY(config.rope.beta_slow,
             number_above(file, key("yarn_beta_slow"), 0.0, config.rope.beta_slow));
  if (file.has(key("yarn_attn_factor"))) {
    RELATA_TRY(config.rope.attention_factor, number_above(file, key("yarn_attn_factor"), 0.0, 1.0));
  }
  for (const auto& [name, usual] :
       {std::pair("yarn_ext_factor", 1.0), {"yarn_log_multiplier", 0.0}}) {
    RELATA_TRY(const double value, file.get_number(key(name), usual));
    if (value == usual) continue;
    return input_error(file.path() + ": " + key(name) + " other than " + (usual > 0 ? "1" : "0") +
                           " is not supported",
                       "use the model as a Hugging Face folder");
  }
  return {};
}

Status read_scaling(const GgufFile& file, const std::string& arch, DecoderConfig& config) {
  // A factor without a type is linear, as llama.cpp reads it.
  const bool scaled =
      file.has(arch + ".rope.scaling.factor") || file.has(arch + ".rope.scale_linear");
  RELATA_TRY(const std::string type,
             file.get_string(arch + ".rope.scaling.type", scaled ? "linear" : "none"));
  if (type == "linear" || type == "yarn") {
    config.rope.type = type;
    RELATA_TRY(config.rope.factor, read_factor(file, arch));
  } else if (type != "none") {
    return input_error(file.path() + ": rope scaling \"" + type + "\" is not supported",
                       "supported: none, linear, yarn");
  }
  if (type == "yarn") RELATA_CHECK(read_yarn(file, arch, config));
  return read_attention_factor(file, arch, config);
}

// rope_freqs.weight: what each frequency is divided by, beside linear scaling.
Status read_divisors(const GgufFile& file, const std::string& arch, DecoderConfig& config) {
  const std::string name = "rope_freqs.weight";
  const GgufTensor* divisors = file.find(name);
  if (divisors == nullptr) return {};
  if (divisors->type != GgmlType::kF32 ||
      divisors->shape != std::vector<int64_t>{config.head_dim / 2}) {
    return input_error(file.path() + ": tensor " + name + " has another type or shape than " +
                           std::to_string(config.head_dim / 2) + " float32 numbers",
                       kDamaged);
  }
  if (config.rope.type != "default" && config.rope.type != "linear") {
    return input_error(file.path() + ": " + arch + ".rope.scaling.type \"" + config.rope.type +
                           "\" beside tensor " + name + " is not supported",
                       "supported beside it: none, linear");
  }
  const double factor = config.rope.factor;  // 1 without scaling
  config.rope.type = "divisors";
  config.rope.factor = 1.0;
  for (int64_t i = 0; i < config.head_dim / 2; ++i) {
    float value = 0;
    std::memcpy(&value, divisors->bytes.data() + i * sizeof(float), sizeof(float));
    if (!(value > 0) || !std::isfinite(value)) {
      return input_error(
          file.path() + ": tensor " + name + " has a value that is no number above 0", kDamaged);
    }
    config.rope.divisors.push_back(factor * static_cast<double>(value));
  }
  recognise_llama3(config);
  return {};
}

Status read_rotation(const GgufFile& file, const std::string& arch, DecoderConfig& config) {
  RELATA_TRY(config.rope.theta, number_above(file, arch + ".rope.freq_base", 1.0, 10000.0));
  RELATA_CHECK(read_scaling(file, arch, config));
  return read_divisors(file, arch, config);
}

// The type that all matrices have, or bfloat16 where there are blocks or several.
std::string stored_dtype(const GgufFile& file) {
  std::string found;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.shape.size() < 2) continue;
    const std::string dtype = tensor.type == GgmlType::kF32   ? "float32"
                              : tensor.type == GgmlType::kF16 ? "float16"
                                                              : "bfloat16";
    if (!found.empty() && dtype != found) return "bfloat16";
    found = dtype;
  }
  return found;
}

// The tokens that end an answer: of the text and of a turn.
Status read_ends(const GgufFile& file, DecoderConfig& config) {
  RELATA_TRY(config.bos_id, file.get_integer("tokenizer.ggml.bos_token_id", -1));
  config.eos_ids.clear();
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    RELATA_TRY(const int64_t id, file.get_integer(key, -1));
    if (id < 0) continue;
    if (id >= config.vocab_size) {
      return input_error(file.path() + ": " + key + " is outside the vocabulary (" +
                             std::to_string(config.vocab_size) + ")",
                         kDamaged);
    }
    if (std::find(config.eos_ids.begin(), config.eos_ids.end(), id) == config.eos_ids.end()) {
      config.eos_ids.push_back(id);
    }
  }
  return {};
}

Status check_attention(const GgufFile& file, const std::string& arch, const DecoderConfig& config) {
  const std::string key = arch + ".attention.causal";
  RELATA_TRY(const bool causal, file.get_bool(key, true));
  if (causal || !config.causal) return {};
  return input_error(file.path() + ": " + key + " of false is not supported for " + arch,
                     "models that generate can be used, not encoders made of them");
}

}  // namespace

Result<DecoderConfig> decoder_config_from_gguf(const GgufFile& file) {
  RELATA_TRY(const std::string arch, file.get_string("general.architecture"));
  const Architecture* architecture = by_gguf_name(arch);
  if (architecture == nullptr) {
    std::string known;
    for (const Architecture& a : architectures()) {
      if (by_gguf_name(a.gguf) == &a) known += (known.empty() ? "" : ", ") + a.gguf;
    }
    return input_error(file.path() + ": architecture \"" + arch + "\" is not supported",
                       "models of these architectures can be used: " + known);
  }
  RELATA_TRY(DecoderConfig config, read_sizes(file, arch));
  config.model_type = architecture->model_type;
  config.tie_embeddings = file.find("output.weight") == nullptr;
  RELATA_CHECK(read_rotation(file, arch, config));
  config.sliding_rope = config.rope;
  RELATA_CHECK(read_ends(file, config));
  if (architecture->read_gguf != nullptr) RELATA_CHECK(architecture->read_gguf(file, config));
  RELATA_CHECK(check_attention(file, arch, config));
  // Llama's and Qwen's converters write whatever biases there are.
  config.qkv_bias = file.find("blk.0.attn_q.bias") != nullptr;
  config.output_bias = file.find("blk.0.attn_output.bias") != nullptr;
  config.mlp_bias =
      file.find(config.gated ? "blk.0.ffn_gate.bias" : "blk.0.ffn_up.bias") != nullptr;
  config.dtype = stored_dtype(file);
  return config;
}

double gguf_attention_scale(const DecoderConfig& config) {
  constexpr int64_t kLayers = 62;  // of Gemma 3 27B; its other sizes scale by the head's width
  const bool by_hidden = architecture_of(config).gguf == "gemma3" && config.num_layers == kLayers;
  const int64_t width = by_hidden ? config.hidden_size / config.num_heads : config.head_dim;
  return 1.0 / std::sqrt(static_cast<double>(width));
}

namespace {

uint32_t size(int64_t n) { return static_cast<uint32_t>(n); }

GgufMetadata encoder_metadata(const DecoderConfig& config, const std::string& arch) {
  return {{arch + ".attention.causal", false},
          {arch + ".attention.layer_norm_epsilon", static_cast<float>(config.rms_norm_eps)},
          {"tokenizer.ggml.token_type_count", size(config.token_types)}};
}

GgufMetadata decoder_metadata(const DecoderConfig& config, const std::string& arch) {
  GgufMetadata out = {
      {arch + ".attention.head_count_kv", size(config.num_kv_heads)},
      {arch + ".attention.key_length", size(config.head_dim)},
      {arch + ".attention.value_length", size(config.head_dim)},
      {arch + ".attention.layer_norm_rms_epsilon", static_cast<float>(config.rms_norm_eps)},
      {arch + ".rope.freq_base", static_cast<float>(config.rope.theta)},
      {arch + ".rope.dimension_count", size(config.head_dim)}};
  if (config.rope.type == "linear") {
    out.emplace_back(arch + ".rope.scaling.type", std::string("linear"));
    out.emplace_back(arch + ".rope.scaling.factor", static_cast<float>(config.rope.factor));
  }
  if (config.sliding_window > 0) {
    out.emplace_back(arch + ".attention.sliding_window", size(config.sliding_window));
  }
  return out;
}

}  // namespace

Result<GgufMetadata> decoder_config_to_gguf(const DecoderConfig& config, const std::string& name) {
  const Architecture& architecture = architecture_of(config);
  const std::string& arch = architecture.gguf;
  if (arch.empty()) {
    return usage_error("model type \"" + config.model_type + "\" has no GGUF form here",
                       "export it to hf instead");
  }
  if (config.rope.type != "default" && config.rope.type != "linear" &&
      config.rope.type != "divisors" && config.rope.type != "llama3") {
    return usage_error("rope scaling \"" + config.rope.type + "\" cannot be written as GGUF",
                       "export it to hf instead");
  }
  GgufMetadata out = {{"general.architecture", arch},
                      {"general.name", name},
                      {arch + ".block_count", size(config.num_layers)},
                      {arch + ".context_length", size(config.max_positions)},
                      {arch + ".embedding_length", size(config.hidden_size)},
                      {arch + ".feed_forward_length", size(config.intermediate_size)},
                      {arch + ".attention.head_count", size(config.num_heads)},
                      {arch + ".vocab_size", size(config.vocab_size)}};
  const GgufMetadata more =
      config.causal ? decoder_metadata(config, arch) : encoder_metadata(config, arch);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace relata::model
