// Baichuan and Baichuan2 (Yang et al. 2023): Llama with one matrix for query, key and value. The
// 13B models have position biases (ALiBi) instead of rotation, Baichuan2 a head with rows of
// length 1.
#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

// The files do not say which of the two codes they belong to, but these keys differ.
bool is_baichuan2(const MemberReader& file) { return file.contains("z_loss_weight"); }
bool is_13b(const MemberReader& file) {
  return file.contains("model_max_length") && !file.contains("max_position_embeddings");
}

void read_baichuan(MemberReader& file, DecoderConfig& config) {
  ShapeDefaults defaults;
  defaults.positions = file.integer("model_max_length", 4096, 1, kMaxSize);
  read_shape(file, defaults, config);
  expect_activation(file, "hidden_act", {"silu"}, "silu");
  config.normalised_head = is_baichuan2(file);
  config.alibi = is_13b(file);
  if (config.alibi) {
    config.rope.type = "none";
  } else {
    read_rope(file, config, {}, config.rope);
  }
}

void write_baichuan(const DecoderConfig& config, Json& value) {
  value["architectures"] = Json::array({"BaichuanForCausalLM"});
  value["model_max_length"] = config.max_positions;
  for (const char* key : {"num_key_value_heads", "head_dim", "rope_parameters", "rope_scaling"}) {
    value.erase(key);
  }
  if (config.alibi) {
    value.erase("max_position_embeddings");
    value.erase("rope_theta");
  }
  if (config.normalised_head) value["z_loss_weight"] = 0;
}

}  // namespace

const Architecture kBaichuan = [] {
  Architecture a;
  a.model_type = "baichuan";
  a.read = read_baichuan;
  a.write = write_baichuan;
  a.names = llama_names();
  a.names.qkv = {"self_attn.W_pack"};
  return a;
}();

}  // namespace relata::model
