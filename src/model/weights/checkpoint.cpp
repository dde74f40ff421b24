#include "weights/checkpoint.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "arch/gguf.h"
#include "relata/base/file.h"
#include "relata/kernels/isa.h"
#include "relata/model/damage.h"
#include "relata/model/safetensors.h"
#include "weights/gguf_source.h"
#include "weights/nf4_source.h"
#include "weights/tensor_list.h"
#include "weights/types.h"

namespace relata::model {
namespace {

// The tensor beside which, or as which, other programs keep a quantised weight; "": there is none.
std::string packed_form(const WeightSource& source, const std::string& weight) {
  constexpr std::string_view kEnd = ".weight";
  if (!weight.ends_with(kEnd)) return "";
  const std::string module = weight.substr(0, weight.size() - kEnd.size());
  for (const char* end : {".qweight", ".weight_packed", ".weight_scale", ".weight_scale_inv"}) {
    if (source.find(module + end)) return module + end;
  }
  return "";
}

Status check_weight(const WeightSource& source, const NamedWeight& weight) {
  const auto stored = source.find(weight.name);
  if (const std::string packed = packed_form(source, weight.name); !packed.empty()) {
    return input_error(source.where() + ": tensor " + packed +
                           " is of a quantisation that is not supported (GPTQ, AWQ, FP8 ...)",
                       "use NF4 of bitsandbytes, a GGUF file, or the checkpoint in bfloat16, "
                       "float16 or float32");
  }
  if (!stored) {
    return input_error(source.where() + ": tensor " + weight.name + " is missing",
                       "the configuration and the weights do not belong together");
  }
  if (at::IntArrayRef(stored->shape) != weight.value.sizes()) {
    return input_error(source.where() + ": tensor " + weight.name + " has shape " +
                           shape_text(stored->shape) + ", the configuration asks for " +
                           shape_text(weight.value.sizes()),
                       "the configuration and the weights do not belong together");
  }
  return {};
}

Status read_weight(const WeightSource& source, const NamedWeight& weight) {
  at::NoGradGuard no_grad;
  const bool plain = weight.stored_rows.empty() && weight.offset == 0.0;
  if (plain && weight.value.is_contiguous()) return source.read(weight.name, weight.value);
  at::Tensor stored = at::empty(weight.value.sizes(), weight.value.options());
  if (!plain) stored = stored.to(at::kFloat);
  RELATA_CHECK(source.read(weight.name, stored));
  if (!weight.stored_rows.empty()) {
    stored = stored.index_select(0, at::tensor(weight.stored_rows, at::kLong));
  }
  weight.value.copy_(weight.offset == 0.0 ? stored : stored + weight.offset);
  return {};
}

// Buffers that old checkpoints carry, and the copy of a tied head, hold nothing of their own; other
// heads than ours are not used.
bool is_unused(const std::string& name, const DecoderConfig& config, const Naming& names) {
  const std::string_view inner = !names.prefix.empty() && name.starts_with(names.prefix)
                                     ? std::string_view(name).substr(names.prefix.size())
                                     : std::string_view(name);
  const auto begins = [&](const std::string& beginning) { return inner.starts_with(beginning); };
  const auto is_copy = [&](const std::string& module) { return name == module + ".weight"; };
  return std::any_of(names.ignored.begin(), names.ignored.end(), begins) ||
         std::any_of(names.copies.begin(), names.copies.end(), is_copy) ||
         name.find("rotary_emb.inv_freq") != std::string::npos ||
         name.find("rotary_pos_emb.inv_freq") != std::string::npos || name == "rope_freqs.weight" ||
         (config.tie_embeddings && !names.head.empty() && name == names.head + ".weight");
}

}  // namespace

std::vector<NamedWeight> Checkpoint::weights(const Decoder& model, const Naming& names) {
  std::vector<NamedWeight> out;
  const DecoderConfig& c = model.config_;
  const auto norm = [&](const std::string& name, const at::Tensor& value) {
    if (value.defined()) out.push_back({name + ".weight", value.detach(), {}, names.norm_offset});
  };
  const auto bias = [&](const std::string& name, const at::Tensor& value) {
    if (value.defined()) out.push_back({name + ".bias", value.detach(), {}});
  };
  const auto whole_norm = [&](const std::string& name, const Norm& value) {
    norm(name, value.weight);
    bias(name, value.bias);
  };
  const auto matrix = [&](const std::string& name, const nn::Weight& weight) {
    if (weight.defined() && weight.value().defined())
      out.push_back({name + ".weight", weight.value().detach(), {}});
  };
  matrix(names.embedding, model.embedding_);
  matrix(names.positions, model.positions_);
  matrix(names.types, model.types_);
  whole_norm(names.first_norm, model.embedding_norm_);
  matrix(names.embedding_projection, model.embedding_projection_.weight);
  bias(names.embedding_projection, model.embedding_projection_.bias);
  for (size_t i = 0; i < model.blocks_.size(); ++i) {
    auto& block = const_cast<Block&>(model.blocks_[i]);  // slices hand out pointers
    const auto [own, prefix] = block_names(names, c, static_cast<int64_t>(i));
    const bool named_by_place = !names.first_norm.empty();
    whole_norm(named_by_place ? attention_norm_name(names, static_cast<int64_t>(i), c.num_layers)
                              : prefix + own.attention_norm,
               block.attention_norm);
    norm(prefix + own.attention_post_norm, block.attention_post_norm);
    for (const Slice& slice : slices_of(block, static_cast<int64_t>(i), c, names)) {
      if (slice.linear->weight.value().defined()) {
        out.push_back({slice.module + ".weight",
                       slice.linear->weight.value().detach().narrow(0, slice.row, slice.rows),
                       slice.stored_rows});
      }
      if (slice.linear->bias.defined()) {
        out.push_back({slice.module + ".bias",
                       slice.linear->bias.detach().narrow(0, slice.row, slice.rows),
                       slice.stored_rows});
      }
    }
    norm(prefix + own.query_norm, block.query_norm);
    norm(prefix + own.key_norm, block.key_norm);
    whole_norm(prefix + own.source_norm, block.source_norm);
    whole_norm(prefix + own.mlp_norm, block.mlp_norm);
    norm(prefix + own.mlp_post_norm, block.mlp_post_norm);
  }
  whole_norm(attention_norm_name(names, c.num_layers, c.num_layers), model.norm_);
  const auto relative = [&](int64_t block, const at::Tensor& kinds) {
    if (!kinds.defined()) return;
    const auto [own, prefix] = block_names(names, c, block);
    out.push_back({prefix + own.relative + ".weight", kinds.detach(), {}});
  };
  if (c.encoder_layers > 0) {
    whole_norm(names.encoder.front().norm, model.encoder_norm_);
    relative(0, model.encoder_relative_);
  }
  relative(c.encoder_layers, model.relative_);
  matrix(names.head, model.head_);
  matrix(names.label_dense, model.label_dense_.weight);
  bias(names.label_dense, model.label_dense_.bias);
  matrix(names.label_output, model.label_output_.weight);
  bias(names.label_output, model.label_output_.bias);
  return out;
}

Decoder::Quantized Checkpoint::stored_quantized(Decoder& model, const Naming& names,
                                                const WeightSource& source) {
  const DecoderConfig& c = model.config_;
  const auto quantized = [&](const std::string& name) {
    return source.find(name + ".weight")->quantized;
  };
  Decoder::Quantized out;
  out.embedding = quantized(names.embedding);
  // Rows of a normalised head are scaled, which blocks are not made for.
  out.head = model.head_.defined() && !c.normalised_head && quantized(names.head);
  const auto projections = model.projections();
  out.projections.resize(projections.size());
  for (size_t i = 0; i < model.blocks_.size(); ++i) {
    for (const Slice& slice : slices_of(model.blocks_[i], static_cast<int64_t>(i), c, names)) {
      for (size_t p = 0; p < projections.size(); ++p) {
        if (projections[p].second == slice.linear && quantized(slice.module)) {
          out.projections[p] = true;
        }
      }
    }
  }
  return out;
}

Status Checkpoint::read_quantized(Decoder& model, const Naming& names, const WeightSource& source,
                                  const Decoder::Quantized& which) {
  if (which.embedding) {
    RELATA_TRY(auto rows, source.rows(names.embedding + ".weight"));
    model.embedding_ = nn::Weight({std::move(rows)});
  }
  if (which.head) {
    RELATA_TRY(auto rows, source.rows(names.head + ".weight"));
    model.head_ = nn::Weight({std::move(rows)});
  }
  std::map<nn::Linear*, std::vector<nn::QuantizedRows>> parts;
  for (size_t i = 0; i < model.blocks_.size(); ++i) {
    for (const Slice& slice :
         slices_of(model.blocks_[i], static_cast<int64_t>(i), model.config_, names)) {
      if (!slice.linear->weight.value().is_meta()) continue;
      RELATA_TRY(auto rows, source.rows(slice.module + ".weight"));
      parts[slice.linear].push_back(rows.reordered(slice.stored_rows));
    }
  }
  for (auto& [linear, rows] : parts) linear->weight = nn::Weight(std::move(rows));
  return {};
}

std::vector<std::string> Checkpoint::weight_names(const DecoderConfig& config,
                                                  const Naming& names) {
  Decoder model(config);
  model.allocate(at::TensorOptions().device(at::kMeta), {});
  std::vector<std::string> out;
  for (const NamedWeight& weight : weights(model, names)) out.push_back(weight.name);
  return out;
}

std::set<std::string> Checkpoint::projection_names(const DecoderConfig& config,
                                                   const Naming& names) {
  Decoder model(config);
  model.allocate(at::TensorOptions().device(at::kMeta), {});
  std::set<std::string> out;
  for (size_t i = 0; i < model.blocks_.size(); ++i) {
    for (const Slice& slice : slices_of(model.blocks_[i], static_cast<int64_t>(i), config, names)) {
      const bool kept =
          !names.unquantised.empty() && slice.module.ends_with("." + names.unquantised);
      if (!kept) out.insert(slice.module + ".weight");
    }
  }
  return out;
}

at::Tensor stored_form(const NamedWeight& weight) {
  at::Tensor value = weight.value;
  if (!weight.stored_rows.empty()) {
    value = value.index_select(0, at::tensor(inverse_rows(weight.stored_rows), at::kLong));
  }
  if (weight.offset == 0.0) return value;
  return (value.to(at::kFloat) - weight.offset).to(value.scalar_type());
}

Result<std::shared_ptr<Decoder>> Checkpoint::load(const DecoderConfig& config, const Naming& names,
                                                  const WeightSource& source,
                                                  const LoadOptions& options) {
  RELATA_TRY(const at::ScalarType type, scalar_type(options.dtype, source.where()));
  if (type == at::kHalf) {
    return usage_error("dtype float16 cannot be computed with on a CPU", "use float32 or bfloat16");
  }
  std::shared_ptr<Decoder> model(new Decoder(config));
  // Shapes without memory first: nothing is allocated for a file that does not fit.
  model->allocate(at::TensorOptions().dtype(type).device(at::kMeta), {});
  std::set<std::string> used;
  for (const NamedWeight& weight : weights(*model, names)) {
    RELATA_CHECK(check_weight(source, weight));
    used.insert(weight.name);
  }
  for (const std::string& name : source.names()) {
    if (used.contains(name) || is_unused(name, config, names)) continue;
    return input_error(source.where() + ": tensor " + name + " is not part of this architecture",
                       "the configuration and the weights do not belong together");
  }
  Decoder::Quantized which;
  if (!options.dequantize) which = stored_quantized(*model, names, source);
  model->allocate(at::TensorOptions().dtype(type), which);
  for (const NamedWeight& weight : weights(*model, names)) {
    if (!weight.value.is_meta()) RELATA_CHECK(read_weight(source, weight));
  }
  if (!options.dequantize) RELATA_CHECK(read_quantized(*model, names, source, which));
  model->compute_type_ = type;
  if (type == at::kFloat && !model->quantized()) {
    for (auto& p : model->trainable()) p.value.requires_grad_(true);
  }
  return model;
}

Naming written_names(const DecoderConfig& config) {
  const Naming& names = architecture_of(config).names;
  return config.labels > 0 ? with_prefix(names) : names;
}

std::vector<std::pair<std::string, at::Tensor>> Decoder::named_weights() const {
  std::vector<std::pair<std::string, at::Tensor>> out;
  for (const NamedWeight& weight : Checkpoint::weights(*this, written_names(config_))) {
    out.emplace_back(weight.name, weight.value);
  }
  return out;
}

Result<std::unique_ptr<WeightSource>> open_weights(const std::string& path) {
  if (!is_gguf(path)) return open_safetensors(path);
  RELATA_TRY(auto file, GgufFile::open(path));
  return gguf_source(std::move(file));
}

Naming names_in(const WeightSource& source, const DecoderConfig& config, bool gguf) {
  const Architecture& architecture = architecture_of(config);
  if (gguf) return architecture.gguf_names;
  const Naming& names = architecture.names;
  const bool has_prefix =
      !names.prefix.empty() && source.find(names.prefix + names.embedding + ".weight");
  return has_prefix ? with_prefix(names) : names;
}

Result<DecoderConfig> read_decoder_config(const std::string& path) {
  if (is_gguf(path)) {
    RELATA_TRY(auto file, GgufFile::open(path));
    return decoder_config_from_gguf(*file);
  }
  const std::string config_path = path + "/config.json";
  RELATA_TRY(const Json json, read_json(config_path));
  return decoder_config_from_json(json, config_path);
}

namespace {

// Whether two stored matrices hold the same numbers.
Result<bool> same_numbers(const WeightSource& source, const std::string& a, const std::string& b) {
  const auto first = source.find(a), second = source.find(b);
  if (!first || !second || first->shape != second->shape) return false;
  at::Tensor one = at::empty(first->shape), other = at::empty(first->shape);
  RELATA_CHECK(source.read(a, one));
  RELATA_CHECK(source.read(b, other));
  return at::equal(one, other);
}

// Where the weights say whether the head is the embeddings', they say it here, and so does a head
// that differs from the embeddings though the configuration ties it to them, as Transformers 5
// reads it. All further copies of the embeddings must be such.
Status find_copies(const WeightSource& source, const Naming& names, bool tied_by_weights,
                   DecoderConfig& config) {
  const std::string embedding = names.embedding + ".weight";
  if (!source.find(embedding)) return {};  // which is said where all weights are looked for
  for (const std::string& module : names.copies) {
    const std::string copy = module + ".weight";
    if (!source.find(copy)) continue;
    RELATA_TRY(const bool same, same_numbers(source, embedding, copy));
    if (same) continue;
    return input_error(source.where() + ": tensor " + copy + " differs from " + embedding,
                       "stacks with embeddings of their own are not supported");
  }
  if (!tied_by_weights && !config.tie_embeddings) return {};
  const std::string head = names.head + ".weight";
  if (!source.find(head)) {
    config.tie_embeddings = true;
    return {};
  }
  RELATA_TRY(config.tie_embeddings, same_numbers(source, embedding, head));
  return {};
}

}  // namespace

std::string automatic_dtype(const WeightSource& source, const DecoderConfig& config, bool gguf,
                            const at::Device& device) {
  const std::string norm =
      attention_norm_name(names_in(source, config, gguf), config.num_layers, config.num_layers);
  const auto found = gguf ? std::nullopt : source.find(norm + ".weight");
  const std::string stored = found ? found->type : config.dtype;
  if (stored == "F16" || stored == "float16") return "float32";
  return device.is_cpu() && !nn::has_fast_bfloat16() ? "float32" : stored;
}

Result<std::shared_ptr<Decoder>> Decoder::load(const std::string& path,
                                               const LoadOptions& options) {
  RELATA_CHECK(kernels::check_isa());
  RELATA_CHECK(nn::check_kernels());
  const bool gguf = is_gguf(path);
  RELATA_TRY(DecoderConfig config, read_decoder_config(path));
  const Architecture& architecture = architecture_of(config);
  RELATA_TRY(const at::Device device, find_device(options.device));
  RELATA_TRY(const auto source, open_weights(path));
  RELATA_CHECK(find_copies(*source, gguf ? architecture.gguf_names : architecture.names,
                           architecture.tied_by_weights, config));
  const Naming names = names_in(*source, config, gguf);
  LoadOptions resolved = options;
  if (options.dtype == "auto") resolved.dtype = automatic_dtype(*source, config, gguf, device);
  std::unique_ptr<WeightSource> quantised;
  if (!options.quantize.empty()) {
    if (options.quantize != "nf4") {
      return usage_error("quantization type \"" + options.quantize + "\" is not known", "use nf4");
    }
    quantised = nf4_source(*source, Checkpoint::projection_names(config, names),
                           options.double_quantization);
  }
  RELATA_TRY(auto model,
             Checkpoint::load(config, names, quantised ? *quantised : *source, resolved));
  model->source_ = path;
  if (!device.is_cpu()) model->to(device);
  return model;
}

Status Checkpoint::save(const Decoder& model, at::ScalarType type, const std::string& folder,
                        const std::map<std::string, std::string>& metadata) {
  TensorList tensors;
  for (const NamedWeight& weight : weights(model, written_names(model.config_))) {
    const at::Tensor value = stored_form(weight), stored = value.to(type);
    RELATA_CHECK(check_written(weight.name, value, stored));
    tensors.add(weight.name, stored);
  }
  RELATA_CHECK(make_folders(folder));
  RELATA_CHECK(write_safetensors(folder + "/model.safetensors", tensors.list, metadata));
  DecoderConfig config = model.config_;
  config.dtype = type == at::kFloat ? "float32" : type == at::kHalf ? "float16" : "bfloat16";
  return write_json(folder + "/config.json", decoder_config_to_json(config));
}

Status Decoder::save(const std::string& folder) const {
  if (quantized()) {
    return usage_error("a model with quantised weights cannot be saved as a float checkpoint",
                       "load it with its weights dequantised");
  }
  return Checkpoint::save(*this, embedding_.value().scalar_type(), folder);
}

std::vector<Checkpoint::LoraMatrices> Checkpoint::lora_matrices(const Decoder& model, int adapter,
                                                                const Naming& names) {
  std::vector<LoraMatrices> out;
  for (size_t i = 0; i < model.blocks_.size(); ++i) {
    auto& block = const_cast<Block&>(model.blocks_[i]);  // slices hand out pointers
    for (const Slice& slice : slices_of(block, static_cast<int64_t>(i), model.config_, names)) {
      for (const nn::LoraSlice& lora : slice.linear->loras) {
        if (lora.adapter != adapter || lora.row != slice.row || lora.rows != slice.rows) continue;
        at::Tensor b = lora.b.value().detach();
        if (!slice.stored_rows.empty()) {
          b = b.index_select(0, at::tensor(inverse_rows(slice.stored_rows), at::kLong));
        }
        out.push_back({slice.module, lora.a.value().detach(), b, lora.scale});
      }
    }
  }
  return out;
}

Result<int64_t> Checkpoint::lora_parameters(const DecoderConfig& config, const LoraConfig& lora) {
  Decoder model(config);
  model.allocate(at::TensorOptions().device(at::kMeta), {});
  int64_t count = 0;
  for (size_t i = 0; i < model.blocks_.size(); ++i) {
    for (const Slice& slice : slices_of(model.blocks_[i], static_cast<int64_t>(i), config,
                                        architecture_of(config).names)) {
      if (!lora.targeted(slice.module)) continue;
      count += lora.rank_of(slice.module) * (slice.linear->weight.in() + slice.rows);
    }
  }
  if (count == 0) return no_target(model.blocks_.front(), config);
  return count;
}

}  // namespace relata::model
