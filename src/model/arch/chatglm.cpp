// ChatGLM2 and ChatGLM3 (Zeng et al. 2023): one matrix for query, key and value, one for gate and
// up, few key/value heads, and a rotation of half of each head by neighbouring pairs.
#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

constexpr double kTheta = 10000.0;
constexpr const char* kSecond = "chatglm2";
constexpr const char* kThird = "chatglm3";

void expect(MemberReader& file, const char* key, bool wanted, bool fallback) {
  if (file.boolean(key, fallback) == wanted) return;
  file.fail(MemberReader::quoted(key) + " other than " + (wanted ? "true" : "false") +
                " is not supported",
            "the 6B models of ChatGLM2 and ChatGLM3 can be used");
}

// "rope_ratio" of the models for long texts: ChatGLM2's code divides positions by it, ChatGLM3's
// multiplies the base. Nothing else in the file tells the two apart.
void read_ratio(MemberReader& file, DecoderConfig& config) {
  const double ratio = file.positive("rope_ratio", 1.0);
  config.rope.theta = kTheta;
  if (ratio == 1.0) return;
  const std::string name = file.string("_name_or_path", "");
  if (name.find(kThird) != std::string::npos) {
    config.rope.theta = kTheta * ratio;
  } else if (name.find(kSecond) != std::string::npos) {
    config.rope.type = "linear";
    config.rope.factor = ratio;
  } else {
    file.fail(
        "\"rope_ratio\" means one thing in ChatGLM2 and another in ChatGLM3, and "
        "\"_name_or_path\" says neither",
        "set \"_name_or_path\" to chatglm2-6b or chatglm3-6b");
  }
}

void read_chatglm(MemberReader& file, DecoderConfig& config) {
  config.vocab_size = file.required_integer("padded_vocab_size", 1, kMaxSize);
  config.hidden_size = file.required_integer("hidden_size", 1, kMaxSize);
  config.intermediate_size = file.required_integer("ffn_hidden_size", 1, kMaxSize);
  config.num_layers = file.required_integer("num_layers", 1, 1 << 16);
  config.num_heads = file.required_integer("num_attention_heads", 1, kMaxSize);
  config.head_dim = file.required_integer("kv_channels", 2, kMaxSize);
  config.num_kv_heads = file.required_integer("multi_query_group_num", 1, kMaxSize);
  config.max_positions = file.integer("seq_length", 2048, 1, kMaxSize);
  config.rms_norm_eps = file.positive("layernorm_epsilon", 1e-5);
  config.tie_embeddings = file.boolean("tie_word_embeddings", false);
  expect(file, "multi_query_attention", true, false);
  expect(file, "rmsnorm", true, true);
  expect(file, "post_layer_norm", true, true);
  expect(file, "apply_residual_connection_post_layernorm", false, false);
  config.output_bias = config.mlp_bias = file.boolean("add_bias_linear", false);
  config.qkv_bias = file.boolean("add_qkv_bias", false) || config.mlp_bias;
  config.rotary_dim = config.head_dim / 2;
  read_ratio(file, config);
  if (!file.error()) check_sizes(file, config);
}

void write_chatglm(const DecoderConfig& config, Json& value) {
  const bool scaled = config.rope.type == "linear";
  value = {{"architectures", Json::array({"ChatGLMForConditionalGeneration"})},
           {"model_type", "chatglm"},
           {"padded_vocab_size", config.vocab_size},
           {"vocab_size", config.vocab_size},
           {"hidden_size", config.hidden_size},
           {"ffn_hidden_size", config.intermediate_size},
           {"num_layers", config.num_layers},
           {"num_attention_heads", config.num_heads},
           {"kv_channels", config.head_dim},
           {"multi_query_attention", true},
           {"multi_query_group_num", config.num_kv_heads},
           {"seq_length", config.max_positions},
           {"layernorm_epsilon", config.rms_norm_eps},
           {"tie_word_embeddings", config.tie_embeddings},
           {"rmsnorm", true},
           {"post_layer_norm", true},
           {"apply_residual_connection_post_layernorm", false},
           {"add_bias_linear", config.mlp_bias},
           {"add_qkv_bias", config.qkv_bias},
           {"_name_or_path", scaled ? kSecond : kThird},
           {"rope_ratio", scaled ? config.rope.factor : config.rope.theta / kTheta},
           {"eos_token_id", value["eos_token_id"]},
           {"torch_dtype", value["torch_dtype"]}};
}

}  // namespace

const Architecture kChatGlm = [] {
  Architecture a;
  a.model_type = "chatglm";
  a.read = read_chatglm;
  a.write = write_chatglm;
  Naming& names = a.names;
  names.embedding = "transformer.embedding.word_embeddings";
  names.norm = "transformer.encoder.final_layernorm";
  names.head = "transformer.output_layer";
  names.layer = "transformer.encoder.layers.";
  names.attention_norm = "input_layernorm";
  names.mlp_norm = "post_attention_layernorm";
  names.qkv = {"self_attention.query_key_value"};
  names.output = "self_attention.dense";
  names.gate_up = {"mlp.dense_h_to_4h"};
  names.down = "mlp.dense_4h_to_h";
  names.interleaved = true;
  return a;
}();

}  // namespace relata::model
