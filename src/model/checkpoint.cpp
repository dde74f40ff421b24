// Llama checkpoints and PEFT adapters: named tensors in and out of safetensors files.
#include <cmath>
#include <cstring>
#include <set>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/model/llama.h"
#include "relata/model/safetensors.h"
#include "relata/model/tensor_type.h"

namespace relata::model {
namespace {

Result<at::ScalarType> scalar_type(const std::string& dtype, const std::string& where) {
  if (dtype == "F32" || dtype == "float32") return at::kFloat;
  if (dtype == "BF16" || dtype == "bfloat16") return at::kBFloat16;
  if (dtype == "F16" || dtype == "float16") return at::kHalf;
  return input_error(where + ": weights of type " + dtype + " are not supported",
                     "convert the model to float32, bfloat16 or float16");
}

std::string shape_text(at::IntArrayRef shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return out + "]";
}

// Copies a stored tensor into `target` (converting its type), after checking name and shape.
Status copy_weight(const TensorViews& views, const std::string& name, const at::Tensor& target,
                   const std::string& folder) {
  const auto found = views.find(name);
  if (found == views.end()) {
    return input_error(folder + ": tensor " + name + " is missing",
                       "config.json and the weights do not belong together");
  }
  const TensorView& view = found->second;
  if (at::IntArrayRef(view.shape) != target.sizes()) {
    return input_error(folder + ": tensor " + name + " has shape " + shape_text(view.shape) +
                           ", config.json asks for " + shape_text(target.sizes()),
                       "config.json and the weights do not belong together");
  }
  RELATA_TRY(const at::ScalarType type, scalar_type(view.dtype, folder + ": " + name));
  // safetensors data need not be aligned for its type: copy the bytes, then convert.
  at::Tensor stored = at::empty(view.shape, at::TensorOptions().dtype(type));
  std::memcpy(stored.data_ptr(), view.bytes.data(), view.bytes.size());
  at::NoGradGuard no_grad;
  target.copy_(stored);
  return {};
}

struct NamedTensors {
  std::vector<at::Tensor> kept;  // contiguous copies that the spans point into
  std::vector<TensorToWrite> list;
  void add(const std::string& name, const at::Tensor& value) {
    kept.push_back(value.detach().contiguous());
    const at::Tensor& t = kept.back();
    list.push_back({name, tensor_type_name(t.scalar_type()), t.sizes().vec(),
                    std::as_bytes(std::span(static_cast<const char*>(t.data_ptr()), t.nbytes()))});
  }
};

// A row range of a fused projection under its checkpoint name.
struct Slice {
  std::string module;  // "self_attn.q_proj"
  Projection* projection;
  int64_t row;
  int64_t rows;
};

std::vector<Slice> layer_slices(Layer& layer, const LlamaConfig& c) {
  const int64_t q = c.num_heads * c.head_dim;
  const int64_t kv = c.num_kv_heads * c.head_dim;
  return {{"self_attn.q_proj", &layer.qkv, 0, q},
          {"self_attn.k_proj", &layer.qkv, q, kv},
          {"self_attn.v_proj", &layer.qkv, q + kv, kv},
          {"self_attn.o_proj", &layer.output, 0, c.hidden_size},
          {"mlp.gate_proj", &layer.gate_up, 0, c.intermediate_size},
          {"mlp.up_proj", &layer.gate_up, c.intermediate_size, c.intermediate_size},
          {"mlp.down_proj", &layer.down, 0, c.hidden_size}};
}

bool targeted(const LoraConfig& config, const std::string& module) {
  for (const std::string& target : config.targets) {
    if (target == "all-linear" || module == target) return true;
    const std::string suffix = "." + target;
    if (module.size() > suffix.size() &&
        module.compare(module.size() - suffix.size(), suffix.size(), suffix) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::pair<std::string, at::Tensor>> Llama::named_weights() const {
  std::vector<std::pair<std::string, at::Tensor>> out;
  auto* self = const_cast<Llama*>(this);
  out.emplace_back("model.embed_tokens.weight", embedding_.detach());
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    out.emplace_back(prefix + "input_layernorm.weight", layers_[i].attention_norm.detach());
    for (const Slice& slice : layer_slices(self->layers_[i], config_)) {
      out.emplace_back(prefix + slice.module + ".weight",
                       slice.projection->weight.detach().narrow(0, slice.row, slice.rows));
      if (slice.projection->bias.defined()) {
        out.emplace_back(prefix + slice.module + ".bias",
                         slice.projection->bias.detach().narrow(0, slice.row, slice.rows));
      }
    }
    out.emplace_back(prefix + "post_attention_layernorm.weight", layers_[i].mlp_norm.detach());
  }
  out.emplace_back("model.norm.weight", norm_.detach());
  if (head_.defined()) out.emplace_back("lm_head.weight", head_.detach());
  return out;
}

Result<std::shared_ptr<Llama>> Llama::load(const std::string& folder, const std::string& dtype) {
  RELATA_TRY(const Json json, read_json(folder + "/config.json"));
  RELATA_TRY(LlamaConfig config, llama_config_from_json(json, folder + "/config.json"));
  RELATA_TRY(const TensorViews views, read_model_tensors(folder));
  std::string wanted = dtype;
  if (dtype == "auto") {
    const auto found = views.find("model.norm.weight");
    wanted = found == views.end() ? config.dtype : found->second.dtype;
    if (wanted == "F16" || wanted == "float16") wanted = "float32";
  }
  RELATA_TRY(const at::ScalarType type, scalar_type(wanted, folder));
  if (type == at::kHalf) {
    return usage_error("dtype float16 cannot be computed with on a CPU", "use float32 or bfloat16");
  }
  std::shared_ptr<Llama> model(new Llama(config));
  model->allocate(type);
  std::set<std::string> used;
  for (auto& [name, target] : model->named_weights()) {
    RELATA_CHECK(copy_weight(views, name, target, folder));
    used.insert(name);
  }
  for (const auto& [name, view] : views) {
    // Buffers that old checkpoints carry, and the copy of a tied head, hold nothing of their own.
    const bool derived = name.find("rotary_emb.inv_freq") != std::string::npos ||
                         (config.tie_embeddings && name == "lm_head.weight");
    if (!derived && !used.contains(name)) {
      return input_error(folder + ": tensor " + name + " is not part of this architecture",
                         "config.json and the weights do not belong together");
    }
  }
  model->compute_type_ = type;
  if (type == at::kFloat) {
    for (auto& p : model->trainable()) p.value.requires_grad_(true);
  }
  return model;
}

Status Llama::save(const std::string& folder) const {
  RELATA_CHECK(make_folders(folder));
  NamedTensors tensors;
  for (const auto& [name, value] : named_weights()) tensors.add(name, value);
  RELATA_CHECK(write_safetensors(folder + "/model.safetensors", tensors.list));
  LlamaConfig config = config_;
  config.dtype = embedding_.scalar_type() == at::kBFloat16 ? "bfloat16" : "float32";
  return write_json(folder + "/config.json", llama_config_to_json(config));
}

Status Llama::add_lora(const LoraConfig& config, uint64_t seed) {
  if (lora_) return usage_error("the model already has an adapter");
  if (config.rank <= 0) return usage_error("lora_rank must be positive");
  at::NoGradGuard no_grad;
  for (auto& p : trainable()) p.value.requires_grad_(false);
  lora_ = config;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  bool any = false;
  for (size_t i = 0; i < layers_.size(); ++i) {
    for (const Slice& slice : layer_slices(layers_[i], config_)) {
      const std::string module = "model.layers." + std::to_string(i) + "." + slice.module;
      if (!targeted(config, module)) continue;
      any = true;
      const int64_t in = slice.projection->weight.size(1);
      Lora lora{module, slice.row, slice.rows, at::empty({config.rank, in}, at::kFloat),
                at::zeros({slice.rows, config.rank}, at::kFloat)};
      // Kaiming uniform with a = sqrt(5) is a bound of 1 / sqrt(fan_in).
      const double bound = 1.0 / std::sqrt(static_cast<double>(in));
      lora.a.uniform_(-bound, bound, generator);
      lora.a.requires_grad_(true);
      lora.b.requires_grad_(true);
      slice.projection->loras.push_back(lora);
    }
  }
  if (!any) {
    lora_.reset();
    return usage_error("lora_target matches no module of the model",
                       "use q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj or all");
  }
  return {};
}

Status Llama::load_adapter(const std::string& folder) {
  RELATA_TRY(const Json json, read_json(folder + "/adapter_config.json"));
  RELATA_TRY(const LoraConfig config, lora_config_from_json(json, folder + "/adapter_config.json"));
  RELATA_TRY(const TensorViews views, read_safetensors(folder + "/adapter_model.safetensors"));
  RELATA_CHECK(add_lora(config, 0));
  size_t used = 0;
  for (auto& [name, projection] : projections()) {
    for (Lora& lora : projection->loras) {
      const std::string prefix = "base_model.model." + lora.name;
      RELATA_CHECK(copy_weight(views, prefix + ".lora_A.weight", lora.a, folder));
      RELATA_CHECK(copy_weight(views, prefix + ".lora_B.weight", lora.b, folder));
      used += 2;
    }
  }
  if (used != views.size()) {
    return input_error(folder + ": the adapter has tensors for modules this model does not have",
                       "it belongs to another base model, or adapts more than the projections");
  }
  weights_changed();
  return {};
}

Status Llama::save_adapter(const std::string& folder) const {
  if (!lora_) return usage_error("the model has no adapter to save");
  RELATA_CHECK(make_folders(folder));
  NamedTensors tensors;
  for (auto& [name, projection] : const_cast<Llama*>(this)->projections()) {
    for (const Lora& lora : projection->loras) {
      tensors.add("base_model.model." + lora.name + ".lora_A.weight", lora.a);
      tensors.add("base_model.model." + lora.name + ".lora_B.weight", lora.b);
    }
  }
  RELATA_CHECK(write_safetensors(folder + "/adapter_model.safetensors", tensors.list));
  return write_json(folder + "/adapter_config.json", lora_config_to_json(*lora_));
}

}  // namespace relata::model
