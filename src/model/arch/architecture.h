// What an architecture is: how its files name and order what a DecoderConfig and a Decoder hold.
// docs/models.md, "Adding an architecture", walks through one.
#pragma once

#include <string>
#include <vector>

#include "relata/base/gguf.h"
#include "relata/base/member_reader.h"
#include "relata/model/config.h"

namespace relata::model {

// Names of weights in one kind of file. Those of a layer follow `layer`, its number and a dot.
// An empty name: the model has no such weight.
struct Naming {
  std::string embedding, norm, head, layer;
  std::string positions, types;
  std::string embedding_projection;  // of embeddings of another width than the blocks'
  // Where norms come after: that of the embeddings; those of `attention_norm` and `norm` are then
  // the blocks' own second ones, by the name that `attention_norm` has.
  std::string first_norm;
  std::string label_dense, label_output;  // in full, also with `prefix`
  std::string attention_norm, attention_post_norm, mlp_norm, mlp_post_norm, query_norm, key_norm;
  std::vector<std::string> qkv;  // three modules, or one that holds query, key and value rows
  std::string output;
  std::vector<std::string> gate_up;  // two modules, or one that holds gate and up rows
  std::string
      up;  // of models whose feed-forward is not gated, where their module is not in gate_up
  std::string down;
  // Of encoder-decoders: the names of the encoder's blocks and norm, none or one; attention to the
  // source; kinds of distances, in the first block of each stack; further places of the embeddings,
  // which must hold the same.
  std::vector<Naming> encoder;
  std::string source_norm;
  std::vector<std::string> source_qkv;  // three modules
  std::string source_output;
  std::string relative;
  std::vector<std::string> copies;
  std::string unquantised;   // module of a block that bitsandbytes leaves as it is; "": none
  bool interleaved = false;  // query and key rows lie as rotation by neighbouring pairs wants them
  double norm_offset = 0.0;  // added to norms when they are read
  // Stands before all names of a checkpoint with a head on the model, and is missing in one of the
  // model alone.
  std::string prefix;
  std::vector<std::string> ignored;  // beginnings of names, without `prefix`, of what is not used
};

// The norm before block `layer`, or after the last one for layer == layers.
std::string attention_norm_name(const Naming& names, int64_t layer, int64_t layers);
// The names of block `index` of a model, the encoder's blocks first, and what stands before them.
struct BlockNames {
  const Naming& names;
  std::string prefix;  // "model.layers.0."
};
BlockNames block_names(const Naming& names, const DecoderConfig& config, int64_t index);
// With `prefix` before every name.
Naming with_prefix(Naming names);

struct Architecture {
  std::string model_type;  // of config.json
  // Members of config.json that are its own; sizes, rotation and token ids are read by common.h.
  void (*read)(MemberReader& file, DecoderConfig& config);
  void (*write)(const DecoderConfig& config, Json& value);
  Naming names;
  std::string gguf;  // general.architecture; "": there is none
  Status (*read_gguf)(const GgufFile& file, DecoderConfig& config) = nullptr;
  Naming gguf_names;
  // Whether the head is the embeddings' matrix is for the weights to say: they have one or not.
  bool tied_by_weights = false;
  std::vector<std::string> lora_targets = {"q_proj", "v_proj"};  // that PEFT takes
};

const std::vector<Architecture>& architectures();
// Null: there is none of that name.
const Architecture* find_architecture(const std::string& model_type);
// The architecture of a configuration that was read here.
const Architecture& architecture_of(const DecoderConfig& config);

// The names that Llama's Transformers class and its descendants use, and llama.cpp's for them.
Naming llama_names();
Naming llama_gguf_names();

extern const Architecture kLlama, kMistral, kQwen2, kQwen3, kGemma3, kBaichuan, kChatGlm;
extern const Architecture kT5, kMt5;
extern const Architecture kBert, kRoberta, kXlmRoberta, kElectra;

}  // namespace relata::model
