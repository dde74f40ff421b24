#include "arch/common.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arch/architecture.h"
#include "arch/text_part.h"

namespace relata::model {
namespace {

constexpr const char* kSlidingPart = "sliding_attention";
constexpr int64_t kMaxProduct = int64_t{1} << 40;
constexpr int64_t kMaxLayers = 1 << 16;
// What Transformers assumes for keys that are missing from a file.
constexpr double kDefaultEps = 1e-6;
constexpr int64_t kDefaultPositions = 2048;

const std::vector<std::string> kRopeTypes = {"default", "linear", "dynamic", "llama3", "yarn"};
const std::vector<std::string> kDtypes = {"float32", "bfloat16", "float16"};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace

void read_rope(MemberReader& file, const DecoderConfig& config, const RopePart& part,
               RopeConfig& rope) {
  static const Json kNothing = Json::object();
  const int64_t max_positions = config.max_positions;
  const int64_t head_dim = config.rotary_dim > 0 ? config.rotary_dim : config.head_dim;
  const Json* found = nullptr;
  std::string name;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* value = file.find(key);
    if (value == nullptr) continue;
    if (!value->is_object()) return file.refuse(key, "an object");
    if (value->empty() || found != nullptr) continue;
    const bool parted =
        !part.name.empty() && value->contains(part.name) && (*value)[part.name].is_object();
    // A scaling that names no kind of layer is of those that see all.
    const bool of_others =
        part.name == kSlidingPart || (!part.name.empty() && value->contains(kSlidingPart));
    if (of_others && !parted) continue;
    found = parted ? &(*value)[part.name] : value;
    name = parted ? key + ("." + part.name) : key;
  }
  MemberReader fields(found == nullptr ? kNothing : *found, file.where() + ": " + name);
  for (const auto& [key, value] : (found == nullptr ? kNothing : *found).items()) {
    if (value.is_object()) {
      fields.fail(MemberReader::quoted(key) + " is an object",
                  "rotary parameters that differ between layers are not supported");
      return file.keep(fields.error());
    }
  }

  rope.type = fields.string("rope_type", fields.string("type", "default"));
  if (!contains(kRopeTypes, rope.type)) {
    fields.fail("rope type \"" + rope.type + "\" is not supported",
                "supported: " + joined(kRopeTypes));
    return file.keep(fields.error());
  }
  const bool inside = fields.has("rope_theta");
  MemberReader& base = inside ? fields : file;
  const std::string base_key = inside ? "rope_theta" : part.theta_key;
  rope.theta = base.number(base_key, part.theta);
  if (!(rope.theta > 1.0)) base.fail(MemberReader::quoted(base_key) + " must be above 1");
  for (MemberReader* reader : {&file, &fields}) {
    if (reader->number("partial_rotary_factor", 1.0) != 1.0) {
      reader->fail("\"partial_rotary_factor\" other than 1 is not supported");
    }
  }

  const bool yarn = rope.type == "yarn";
  const bool llama3 = rope.type == "llama3";
  if (yarn || llama3) {
    // A value outside the object is the older place, and wins in Transformers.
    rope.original_max_position =
        file.integer("original_max_position_embeddings",
                     fields.integer("original_max_position_embeddings", max_positions, 1, kMaxSize),
                     1, kMaxSize);
  }
  if (rope.type != "default") {
    if (!fields.has("factor") && !yarn) {
      fields.fail("\"factor\" is missing");
    }
    const double ratio =
        yarn ? static_cast<double>(max_positions) / static_cast<double>(rope.original_max_position)
             : 1.0;
    rope.factor = fields.positive("factor", ratio);
  }
  if (rope.type == "dynamic" && head_dim <= 2) {
    fields.fail("dynamic scaling needs \"head_dim\" above 2");
  }
  if (llama3) {
    for (const char* key : {"low_freq_factor", "high_freq_factor"}) {
      if (!fields.has(key)) fields.fail(MemberReader::quoted(key) + " is missing");
    }
    rope.low_freq_factor = fields.positive("low_freq_factor", rope.low_freq_factor);
    rope.high_freq_factor = fields.positive("high_freq_factor", rope.high_freq_factor);
    if (rope.high_freq_factor <= rope.low_freq_factor) {
      fields.fail("\"high_freq_factor\" must be above \"low_freq_factor\"");
    }
  }
  if (yarn) {
    if (fields.number("beta_fast", 0.0) != 0.0) {  // Transformers takes 0 as unset
      rope.beta_fast = fields.positive("beta_fast", rope.beta_fast);
    }
    if (fields.number("beta_slow", 0.0) != 0.0) {
      rope.beta_slow = fields.positive("beta_slow", rope.beta_slow);
    }
    rope.attention_factor = fields.positive("attention_factor", 0.0);
    rope.mscale = fields.number("mscale", 0.0);
    rope.mscale_all_dim = fields.number("mscale_all_dim", 0.0);
    rope.truncate = fields.boolean("truncate", true);
  }
  file.keep(fields.error());
}

namespace {

// A null means none; a missing key means what Transformers assumes, which DecoderConfig starts
// with.
void read_special_ids(const Json& value, MemberReader& file, DecoderConfig& config) {
  if (value.contains("bos_token_id")) {
    config.bos_id = file.integer("bos_token_id", -1, 0, kMaxSize);
  }
  if (!value.contains("eos_token_id")) return;
  config.eos_ids.clear();
  const Json* eos = file.find("eos_token_id");
  if (eos == nullptr) return;
  const Json list = eos->is_array() ? *eos : Json::array({*eos});
  for (const Json& item : list) {
    const auto id = MemberReader::whole_number(item);
    if (!id || *id < 0 || *id > kMaxSize) {
      return file.refuse("eos_token_id", "a token id or a list of token ids");
    }
    config.eos_ids.push_back(*id);
  }
}

// a * b * c when that stays below the limit on any one tensor.
bool fits(int64_t a, int64_t b, int64_t c = 1) {
  int64_t product = 0;
  return !__builtin_mul_overflow(a, b, &product) && !__builtin_mul_overflow(product, c, &product) &&
         product < kMaxProduct;
}

}  // namespace

void check_sizes(MemberReader& file, const DecoderConfig& config) {
  const auto fail = [&](const std::string& problem) { file.fail(problem); };
  if (config.num_heads % config.num_kv_heads != 0) {
    fail("\"num_attention_heads\" (" + std::to_string(config.num_heads) +
         ") is not a multiple of \"num_key_value_heads\" (" + std::to_string(config.num_kv_heads) +
         ")");
  }
  if (config.position_rows == 0 && config.head_dim % 2 != 0) {
    fail("the head dimension (" + std::to_string(config.head_dim) +
         ") must be even for rotary positions");
  }
  if (!fits(config.vocab_size, config.hidden_size)) {
    fail("\"vocab_size\" times \"hidden_size\" is 2^40 or more");
  }
  if (!fits(config.intermediate_size, config.hidden_size)) {
    fail("\"intermediate_size\" times \"hidden_size\" is 2^40 or more");
  }
  if (!fits(config.num_heads, config.head_dim, config.hidden_size)) {
    fail("\"num_attention_heads\" times \"head_dim\" times \"hidden_size\" is 2^40 or more");
  }
  if (!fits(config.max_positions, config.head_dim)) {
    fail("\"max_position_embeddings\" times \"head_dim\" is 2^40 or more");
  }
}

Json rope_to_json(const DecoderConfig& config, const RopeConfig& rope) {
  Json value = {{"rope_type", rope.type}};
  if (rope.type == "default") return value;
  value["factor"] = rope.factor;
  if (rope.type == "llama3") {
    value["low_freq_factor"] = rope.low_freq_factor;
    value["high_freq_factor"] = rope.high_freq_factor;
  }
  if (rope.type == "yarn") {
    value["beta_fast"] = rope.beta_fast;
    value["beta_slow"] = rope.beta_slow;
    if (rope.attention_factor > 0.0) value["attention_factor"] = rope.attention_factor;
    if (rope.mscale != 0.0) value["mscale"] = rope.mscale;
    if (rope.mscale_all_dim != 0.0) value["mscale_all_dim"] = rope.mscale_all_dim;
    if (!rope.truncate) value["truncate"] = false;
  }
  if (rope.type == "llama3" || rope.type == "yarn") {
    value["original_max_position_embeddings"] =
        rope.original_max_position > 0 ? rope.original_max_position : config.max_positions;
  }
  return value;
}

void expect_activation(MemberReader& file, const std::string& key,
                       const std::vector<std::string>& names, const std::string& fallback) {
  const std::string name = file.string(key, fallback);
  if (contains(names, name)) return;
  file.fail("activation \"" + name + "\" is not supported",
            "\"" + key + "\" must be " + joined(names));
}

void read_sliding_layers(MemberReader& file, DecoderConfig& config,
                         const std::function<bool(int64_t)>& slides) {
  config.sliding_layers.assign(static_cast<size_t>(config.num_layers), false);
  const Json* types = file.find("layer_types");
  if (types != nullptr && (!types->is_array() || types->size() != config.sliding_layers.size())) {
    return file.refuse("layer_types", "a list with an entry for each layer");
  }
  for (int64_t i = 0; i < config.num_layers; ++i) {
    bool here = slides(i);
    if (types != nullptr) {
      const Json& type = (*types)[static_cast<size_t>(i)];
      here = type == "sliding_attention";
      if (!here && type != "full_attention") {
        return file.refuse("layer_types", "a list of sliding_attention and full_attention");
      }
    }
    config.sliding_layers[static_cast<size_t>(i)] = here;
  }
}

Json layer_types_to_json(const DecoderConfig& config) {
  Json types = Json::array();
  for (int64_t i = 0; i < config.num_layers; ++i) {
    types.push_back(config.slides(i) ? "sliding_attention" : "full_attention");
  }
  return types;
}

namespace {

// Which weights are quantised, and how in detail, the weight files say.
Status check_quantization(const Json& value, const std::string& where) {
  const std::string place = where + ": quantization_config";
  if (!value.is_object()) return input_error(place + ": a JSON object is wanted");
  MemberReader file(value, place);
  const std::string method = file.string("quant_method", "bitsandbytes");
  const bool four_bits = file.boolean("load_in_4bit", false);
  const std::string type = file.string("bnb_4bit_quant_type", "fp4");
  if (file.error()) return *file.error();
  if (method == "bitsandbytes" && four_bits && type == "nf4") return {};
  std::string what = method;
  if (method == "bitsandbytes") what += four_bits ? " " + type : " in 8 bits";
  return input_error(place + ": weights quantized by " + what + " are not supported",
                     "use NF4 of bitsandbytes, a GGUF file, or the checkpoint in bfloat16, float16 "
                     "or float32");
}

}  // namespace

Result<DecoderConfig> decoder_config_from_json(const Json& value, const std::string& where) {
  if (!value.is_object()) return input_error(where + ": a JSON object is wanted");
  RELATA_TRY(const std::optional<Json> text, text_part(value, where));
  if (text) return decoder_config_from_json(*text, where + ": text_config");
  MemberReader file(value, where);
  DecoderConfig config;
  config.model_type = file.string("model_type", "");
  if (file.error()) return *file.error();
  const Architecture* architecture = find_architecture(config.model_type);
  if (architecture == nullptr) {
    std::vector<std::string> known;
    for (const Architecture& a : architectures()) known.push_back(a.model_type);
    return input_error(where + (config.model_type.empty() ? ": \"model_type\" is missing"
                                                          : ": model type \"" + config.model_type +
                                                                "\" is not supported"),
                       "models of these types can be used: " + joined(known) +
                           "; and the text part of " + models_with_text_part());
  }
  if (file.has("quantization_config")) {
    RELATA_CHECK(check_quantization(*file.find("quantization_config"), where));
  }
  const char* dtype_key = file.has("dtype") ? "dtype" : "torch_dtype";
  config.dtype = file.string(dtype_key, "float32");
  if (!contains(kDtypes, config.dtype)) file.refuse(dtype_key, "one of " + joined(kDtypes));
  read_special_ids(value, file, config);
  architecture->read(file, config);
  if (config.causal && !file.boolean("is_causal", true)) {
    file.fail("\"is_causal\" of false is not supported",
              "models that generate can be used, not encoders made of them");
  }
  if (file.error()) return configuration_error(file);
  return config;
}

Error configuration_error(const MemberReader& file) {
  Error error = *file.error();
  if (error.hint.empty()) {
    error.hint = "compare this value with the model's published file, or fetch the model again";
  }
  return error;
}

void read_shape(MemberReader& file, const ShapeDefaults& defaults, DecoderConfig& config) {
  config.vocab_size = file.required_integer("vocab_size", 1, kMaxSize);
  config.hidden_size = file.required_integer("hidden_size", 1, kMaxSize);
  config.intermediate_size = file.required_integer("intermediate_size", 1, kMaxSize);
  config.num_layers = file.required_integer("num_hidden_layers", 1, kMaxLayers);
  config.num_heads = file.required_integer("num_attention_heads", 1, kMaxSize);
  // A null means as many as query heads; a missing key, what Transformers assumes.
  const bool assumed = defaults.kv_heads > 0 && !file.contains("num_key_value_heads");
  config.num_kv_heads = file.integer("num_key_value_heads",
                                     assumed ? defaults.kv_heads : config.num_heads, 1, kMaxSize);
  config.max_positions =
      file.integer("max_position_embeddings",
                   defaults.positions > 0 ? defaults.positions : kDefaultPositions, 1, kMaxSize);
  if (file.has("head_dim")) {
    config.head_dim = file.integer("head_dim", 2, 2, kMaxSize);
  } else if (defaults.head_dim > 0) {
    config.head_dim = defaults.head_dim;
  } else {
    if (config.hidden_size % config.num_heads != 0) {
      file.fail("\"hidden_size\" (" + std::to_string(config.hidden_size) +
                ") is not a multiple of \"num_attention_heads\" (" +
                std::to_string(config.num_heads) + ") and \"head_dim\" is missing");
    }
    config.head_dim = std::max<int64_t>(config.hidden_size / config.num_heads, 1);
  }
  if (!file.error()) check_sizes(file, config);
  config.rms_norm_eps = file.positive("rms_norm_eps", kDefaultEps);
  config.initializer_range = file.number("initializer_range", config.initializer_range);
  if (config.initializer_range < 0.0) file.refuse("initializer_range", "0 or more");
  config.tie_embeddings = file.boolean("tie_word_embeddings", defaults.tied);
}

Json decoder_config_to_json(const DecoderConfig& config) {
  Json value;
  value["model_type"] = config.model_type;
  value["vocab_size"] = config.vocab_size;
  value["hidden_size"] = config.hidden_size;
  value["intermediate_size"] = config.intermediate_size;
  value["num_hidden_layers"] = config.num_layers;
  value["num_attention_heads"] = config.num_heads;
  value["num_key_value_heads"] = config.num_kv_heads;
  value["head_dim"] = config.head_dim;
  value["max_position_embeddings"] = config.max_positions;
  value["hidden_act"] = "silu";
  value["rms_norm_eps"] = config.rms_norm_eps;
  value["initializer_range"] = config.initializer_range;
  value["tie_word_embeddings"] = config.tie_embeddings;

  if (config.position_rows == 0) {
    // Transformers 4 reads the first two of these, Transformers 5 the third.
    const Json rope = rope_to_json(config, config.rope);
    value["rope_theta"] = config.rope.theta;
    value["rope_scaling"] = config.rope.type == "default" ? Json(nullptr) : rope;
    value["rope_parameters"] = rope;
    value["rope_parameters"]["rope_theta"] = config.rope.theta;
  }

  value["bos_token_id"] = config.bos_id < 0 ? Json(nullptr) : Json(config.bos_id);
  if (config.eos_ids.empty()) {
    value["eos_token_id"] = nullptr;
  } else if (config.eos_ids.size() == 1) {
    value["eos_token_id"] = config.eos_ids.front();
  } else {
    value["eos_token_id"] = config.eos_ids;
  }
  value["torch_dtype"] = config.dtype;
  value["dtype"] = config.dtype;
  value["use_cache"] = true;
  architecture_of(config).write(config, value);
  return value;
}

Status check_causal(const DecoderConfig& config, const std::string& where) {
  if (config.causal) return {};
  return usage_error(
      where + ": model type \"" + config.model_type + "\" is an encoder, which writes no text",
      "it makes vectors: relata index build --encoder; for this give a model that "
      "writes, such as a Llama");
}

Status check_one_stack(const DecoderConfig& config, const std::string& where,
                       const std::string& what) {
  if (config.encoder_layers == 0) return {};
  return usage_error(where + ": model type \"" + config.model_type +
                         "\" is an encoder-decoder, which cannot " + what,
                     "for this give a model of one stack, such as a Llama");
}

namespace {

// What an encoder has beside or instead of a decoder's weights.
int64_t encoder_parameters(const DecoderConfig& c) {
  const int64_t width = c.embedding_width();
  int64_t count = (c.position_rows + c.token_types) * width;
  if (c.embedding_size > 0) count += 2 * (width - c.hidden_size) + (width + 1) * c.hidden_size;
  if (c.layer_norm) count += (2 * c.num_layers + 1) * c.hidden_size;
  if (c.labels > 0) count += (c.hidden_size + 1) * (c.hidden_size + c.labels);
  return count;
}

}  // namespace

int64_t parameter_count(const DecoderConfig& config) {
  const int64_t hidden = config.hidden_size;
  const int64_t query = config.num_heads * config.head_dim;
  const int64_t key = config.num_kv_heads * config.head_dim;
  const int64_t inner = config.intermediate_size;
  const int64_t attention = 2 * hidden * query + 2 * hidden * key + hidden;  // and its norm
  const int64_t matrices = config.gated ? 3 : 2;
  int64_t layer = attention + matrices * hidden * inner + hidden;
  if (config.post_norms) layer += 2 * hidden;
  if (config.qk_norm) layer += 2 * config.head_dim;
  if (config.qkv_bias) layer += query + 2 * key;
  if (config.output_bias) layer += hidden;
  if (config.mlp_bias) layer += (matrices - 1) * inner + hidden;
  int64_t stacks = config.num_layers * layer + hidden;
  if (config.encoder_layers > 0) {
    stacks += config.encoder_layers * layer + hidden + config.num_layers * attention +
              2 * config.relative_buckets * config.num_heads;
  }
  const int64_t embeddings =
      config.vocab_size * (config.embedding_width() + (config.tie_embeddings ? 0 : hidden));
  return embeddings + stacks + encoder_parameters(config);
}

}  // namespace relata::model
