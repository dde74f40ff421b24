// Encoders: BERT (Devlin et al. 2019), from which MiniLM, E5, BGE and most other text embedders
// descend, RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2020) and ELECTRA's discriminator
// (Clark et al. 2020).
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

constexpr int64_t kBertPositions = 512;
constexpr int64_t kBertTypes = 2;
constexpr double kBertEps = 1e-12;
constexpr int64_t kMaxLabels = 1 << 20;
constexpr std::string_view kClassifier = "ForSequenceClassification";

// Transformers' default is two.
int64_t label_count(MemberReader& file) {
  const Json* names = file.find("id2label");
  if (names != nullptr && names->is_object() && !names->empty()) {
    return static_cast<int64_t>(names->size());
  }
  return file.integer("num_labels", 2, 1, kMaxLabels);
}

bool is_classifier(MemberReader& file) {
  const Json* classes = file.find("architectures");
  if (classes == nullptr || !classes->is_array()) return false;
  for (const Json& name : *classes) {
    if (name.is_string() && name.get<std::string>().ends_with(kClassifier)) return true;
  }
  return false;
}

struct NamedActivation {
  const char* name;
  nn::Activation activation;
};

// Of several names of one function, the first is written.
constexpr std::array kActivations = {NamedActivation{"gelu", nn::Activation::Gelu},
                                     NamedActivation{"gelu_python", nn::Activation::Gelu},
                                     NamedActivation{"gelu_new", nn::Activation::GeluTanh},
                                     NamedActivation{"gelu_pytorch_tanh", nn::Activation::GeluTanh},
                                     NamedActivation{"gelu_fast", nn::Activation::GeluTanh},
                                     NamedActivation{"gelu_accurate", nn::Activation::GeluTanh},
                                     NamedActivation{"relu", nn::Activation::Relu},
                                     NamedActivation{"silu", nn::Activation::Silu},
                                     NamedActivation{"swish", nn::Activation::Silu}};

void read_activation(MemberReader& file, DecoderConfig& config) {
  constexpr const char* kKey = "hidden_act";
  const std::string name = file.string(kKey, kActivations.front().name);
  std::vector<std::string> known;
  for (const NamedActivation& a : kActivations) {
    known.emplace_back(a.name);
    if (name == a.name) config.activation = a.activation;
  }
  expect_activation(file, kKey, known, kActivations.front().name);
}

// What all encoders have, in whatever file.
void set_kind(DecoderConfig& config) {
  config.causal = config.gated = false;
  config.layer_norm = config.norm_after = true;
}

void read_encoder(MemberReader& file, DecoderConfig& config) {
  set_kind(config);
  config.qkv_bias = config.output_bias = config.mlp_bias = true;
  ShapeDefaults defaults;
  defaults.positions = kBertPositions;
  config.position_rows = kBertPositions;  // positions are learned, so that heads may be odd
  read_shape(file, defaults, config);
  config.position_rows = config.max_positions;
  config.tie_embeddings = true;  // there is no head over the vocabulary
  config.token_types = file.integer("type_vocab_size", kBertTypes, 1, kMaxSize);
  config.rms_norm_eps = file.positive("layer_norm_eps", kBertEps);
  read_activation(file, config);
  if (config.num_kv_heads != config.num_heads) {
    file.refuse("num_key_value_heads", "as \"num_attention_heads\"");
  }
  if (file.string("position_embedding_type", "absolute") != "absolute") {
    file.refuse("position_embedding_type", "absolute");
  }
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    if (file.boolean(key, false)) file.refuse(key, "false");
  }
  if (is_classifier(file)) config.labels = label_count(file);
}

// GGUF's metadata do not name the activation; all models of this architecture that llama.cpp
// converts have GELU.
Status read_bert_gguf(const GgufFile& file, DecoderConfig& config) {
  set_kind(config);
  config.activation = nn::Activation::Gelu;
  config.position_rows = config.max_positions;
  const GgufTensor* types = file.find("token_types.weight");
  if (types == nullptr || types->shape.size() != 2) {
    return input_error(file.path() + ": tensor token_types.weight is missing",
                       "this is not a whole model; fetch it again");
  }
  config.token_types = types->shape[0];
  RELATA_TRY(const bool causal, file.get_bool("bert.attention.causal", false));
  if (causal) return input_error(file.path() + ": bert.attention.causal true is not supported");
  return {};
}

// The row of a position is counted from behind that of the padding token.
void read_roberta(MemberReader& file, DecoderConfig& config) {
  read_encoder(file, config);
  config.position_offset = file.integer("pad_token_id", 1, 0, kMaxSize) + 1;
  config.max_positions = config.position_rows - config.position_offset;
  if (config.max_positions < 1) file.refuse("max_position_embeddings", "above pad_token_id + 1");
}

void read_electra(MemberReader& file, DecoderConfig& config) {
  read_encoder(file, config);
  config.label_activation = nn::Activation::Gelu;
  const int64_t width = file.integer("embedding_size", 128, 1, kMaxSize);
  if (width != config.hidden_size) config.embedding_size = width;
}

void write_encoder(const DecoderConfig& config, const std::string& name, Json& value) {
  for (const char* key : {"num_key_value_heads", "head_dim", "rms_norm_eps", "bos_token_id",
                          "eos_token_id", "use_cache", "tie_word_embeddings"}) {
    value.erase(key);
  }
  for (const NamedActivation& a : kActivations) {
    if (a.activation != config.activation) continue;
    value["hidden_act"] = a.name;
    break;
  }
  value["max_position_embeddings"] = config.position_rows;
  value["layer_norm_eps"] = config.rms_norm_eps;
  value["type_vocab_size"] = config.token_types;
  if (config.position_offset > 0) value["pad_token_id"] = config.position_offset - 1;
  value["architectures"] =
      Json::array({name + (config.labels > 0 ? std::string(kClassifier) : "Model")});
  if (config.labels == 0) return;
  value["num_labels"] = config.labels;
  for (int64_t i = 0; i < config.labels; ++i) {
    const std::string label = "LABEL_" + std::to_string(i);
    value["id2label"][std::to_string(i)] = label;
    value["label2id"][label] = i;
  }
}

void write_bert(const DecoderConfig& config, Json& value) { write_encoder(config, "Bert", value); }
void write_roberta(const DecoderConfig& config, Json& value) {
  write_encoder(config, "Roberta", value);
}
void write_xlm_roberta(const DecoderConfig& config, Json& value) {
  write_encoder(config, "XLMRoberta", value);
}
void write_electra(const DecoderConfig& config, Json& value) {
  write_encoder(config, "Electra", value);
  value["embedding_size"] = config.embedding_width();
}

Naming bert_names() {
  Naming names;
  names.embedding = "embeddings.word_embeddings";
  names.positions = "embeddings.position_embeddings";
  names.types = "embeddings.token_type_embeddings";
  names.first_norm = "embeddings.LayerNorm";
  names.layer = "encoder.layer.";
  names.attention_norm = "output.LayerNorm";
  names.mlp_norm = "attention.output.LayerNorm";
  names.qkv = {"attention.self.query", "attention.self.key", "attention.self.value"};
  names.output = "attention.output.dense";
  names.gate_up = {"intermediate.dense"};
  names.down = "output.dense";
  names.prefix = "bert.";
  names.label_dense = "bert.pooler.dense";
  names.label_output = "classifier";
  names.ignored = {"embeddings.position_ids", "embeddings.token_type_ids", "pooler.", "cls.",
                   "qa_outputs."};
  return names;
}

Naming bert_gguf_names() {
  Naming names;
  names.embedding = "token_embd";
  names.positions = "position_embd";
  names.types = "token_types";
  names.first_norm = "token_embd_norm";
  names.layer = "blk.";
  names.attention_norm = "layer_output_norm";
  names.mlp_norm = "attn_output_norm";
  names.qkv = {"attn_q", "attn_k", "attn_v"};
  names.output = "attn_output";
  names.gate_up = {"ffn_up"};
  names.down = "ffn_down";
  names.ignored = {"cls."};
  return names;
}

Naming roberta_names() {
  Naming names = bert_names();
  names.prefix = "roberta.";
  names.label_dense = "classifier.dense";
  names.label_output = "classifier.out_proj";
  names.ignored.emplace_back("lm_head.");
  return names;
}

Naming electra_names() {
  Naming names = roberta_names();
  names.prefix = "electra.";
  names.embedding_projection = "embeddings_project";
  for (const char* head :
       {"discriminator_predictions.", "generator_predictions.", "generator_lm_head."}) {
    names.ignored.emplace_back(head);
  }
  return names;
}

Architecture encoder(const char* model_type, void (*read)(MemberReader&, DecoderConfig&),
                     void (*write)(const DecoderConfig&, Json&), Naming names) {
  Architecture a;
  a.model_type = model_type;
  a.read = read;
  a.write = write;
  a.names = std::move(names);
  return a;
}

}  // namespace

const Architecture kBert = [] {
  Architecture a = encoder("bert", read_encoder, write_bert, bert_names());
  a.gguf = "bert";
  a.read_gguf = read_bert_gguf;
  a.gguf_names = bert_gguf_names();
  return a;
}();
const Architecture kRoberta = encoder("roberta", read_roberta, write_roberta, roberta_names());
const Architecture kXlmRoberta =
    encoder("xlm-roberta", read_roberta, write_xlm_roberta, roberta_names());
const Architecture kElectra = encoder("electra", read_electra, write_electra, electra_names());

}  // namespace relata::model
