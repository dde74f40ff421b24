// LoRA adapters of a model, in PEFT's files.
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "relata/base/file.h"
#include "relata/model/decoder.h"
#include "relata/model/identity.h"
#include "relata/model/safetensors.h"
#include "weights/checkpoint.h"
#include "weights/naming.h"
#include "weights/source.h"
#include "weights/tensor_list.h"
#include "weights/types.h"

namespace relata::model {
namespace {

Status read_matrix(const WeightSource& source, const std::string& name, const at::Tensor& target) {
  const auto stored = source.find(name);
  if (!stored) {
    return input_error(source.where() + ": tensor " + name + " is missing",
                       "the adapter belongs to another base model, or its configuration to another "
                       "adapter");
  }
  if (at::IntArrayRef(stored->shape) != target.sizes()) {
    return input_error(source.where() + ": tensor " + name + " has shape " +
                           shape_text(stored->shape) +
                           ", this model and adapter_config.json ask "
                           "for " +
                           shape_text(target.sizes()),
                       "the adapter belongs to another base model");
  }
  if (target.is_cpu()) return source.read(name, target);
  const at::Tensor copy = at::empty(target.sizes(), target.options().device(at::kCPU));
  RELATA_CHECK(source.read(name, copy));
  target.copy_(copy);
  return {};
}

}  // namespace

int Decoder::find_adapter(const std::string& name) const {
  for (size_t i = 0; i < adapters_.size(); ++i) {
    if (adapters_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

Result<int> Decoder::add_adapter(const std::string& name, const LoraConfig& config, uint64_t seed) {
  if (find_adapter(name) >= 0) return usage_error("the model already has an adapter " + name);
  if (config.rank <= 0) return usage_error("lora_rank must be positive");
  if (config_.encoder_layers > 0 && !config.invocation.empty()) {
    return usage_error("an activated LoRA does not fit a model of type \"" + config_.model_type +
                           "\": it acts from a place in the prompt on, and here every token of the "
                           "prompt sees all others",
                       "use an ordinary LoRA (finetuning_type: lora)");
  }
  at::NoGradGuard no_grad;
  if (adapters_.empty()) freeze();
  const int index = static_cast<int>(adapters_.size());
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  bool any = false;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    for (const Slice& slice :
         slices_of(blocks_[i], static_cast<int64_t>(i), config_, architecture_of(config_).names)) {
      if (!config.targeted(slice.module)) continue;
      any = true;
      const int64_t in = slice.linear->weight.in();
      const int64_t rank = config.rank_of(slice.module);
      at::Tensor a = at::empty({rank, in}, at::kFloat);
      at::Tensor b = at::zeros({slice.rows, rank}, at::kFloat);
      // Kaiming uniform with a = sqrt(5) is a bound of 1 / sqrt(fan_in).
      const double bound = 1.0 / std::sqrt(static_cast<double>(in));
      a.uniform_(-bound, bound, generator);
      a = a.to(device()).requires_grad_(true);
      b = b.to(device()).requires_grad_(true);
      slice.linear->loras.push_back({index, slice.module, slice.row, slice.rows,
                                     config.scale_of(slice.module), config.dropout, nn::Weight(a),
                                     nn::Weight(b)});
    }
  }
  if (!any) return no_target(blocks_.front(), config_);
  adapters_.push_back({name, config});
  if (config_.encoder_layers > 0) adapters_.back().config.task_type = "SEQ_2_SEQ_LM";
  return index;
}

Result<int> Decoder::load_adapter(const std::string& name, const std::string& folder,
                                  bool any_base) {
  const std::string config_path = folder + "/adapter_config.json";
  RELATA_TRY(const Json json, read_json(config_path));
  RELATA_TRY(const LoraConfig config, lora_config_from_json(json, config_path));
  RELATA_CHECK(read_adapter_tensors(folder, config));  // before memory is taken for the rank
  if (!source_.empty()) RELATA_CHECK(check_base(folder, source_, any_base));
  RELATA_TRY(const auto source, open_safetensors_file(folder + "/adapter_model.safetensors"));
  RELATA_TRY(const int index, add_adapter(name, config, 0));
  at::NoGradGuard no_grad;
  size_t used = 0;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    for (const Slice& slice :
         slices_of(blocks_[i], static_cast<int64_t>(i), config_, architecture_of(config_).names)) {
      for (nn::LoraSlice& lora : slice.linear->loras) {
        if (lora.adapter != index || lora.name != slice.module) continue;
        const std::string prefix = kAdapterPrefix + lora.name;
        RELATA_CHECK(read_matrix(*source, prefix + ".lora_A.weight", lora.a.value()));
        RELATA_CHECK(read_matrix(*source, prefix + ".lora_B.weight", lora.b.value()));
        if (!slice.stored_rows.empty()) {
          lora.b.value().copy_(lora.b.value().index_select(
              0, at::tensor(slice.stored_rows, at::kLong).to(device())));
        }
        used += 2;
      }
    }
  }
  if (used != source->names().size()) {
    return input_error(folder + ": the adapter has tensors for modules this model does not have",
                       "it belongs to another base model, or adapts more than the projections");
  }
  adapters_.back().folder = folder;
  weights_changed();
  return index;
}

Status Decoder::record_base() {
  if (source_.empty()) return {};
  RELATA_TRY(base_, base_identity(source_));
  return {};
}

Status Decoder::save_adapter(int adapter, const std::string& folder) const {
  if (adapter < 0 || static_cast<size_t>(adapter) >= adapters_.size()) {
    return usage_error("the model has no adapter to save");
  }
  RELATA_CHECK(make_folders(folder));
  TensorList tensors;
  for (const Checkpoint::LoraMatrices& m :
       Checkpoint::lora_matrices(*this, adapter, architecture_of(config_).names)) {
    tensors.add(kAdapterPrefix + m.module + ".lora_A.weight", m.a);
    tensors.add(kAdapterPrefix + m.module + ".lora_B.weight", m.b);
  }
  // PEFT refuses or warns about unknown keys of its configuration; metadata beside the tensors it
  // leaves alone.
  std::map<std::string, std::string> metadata;
  if (!base_.empty()) metadata[kBaseKey] = base_;
  RELATA_CHECK(write_safetensors(folder + "/adapter_model.safetensors", tensors.list, metadata));
  return write_json(folder + "/adapter_config.json",
                    lora_config_to_json(adapters_[static_cast<size_t>(adapter)].config));
}

Status Decoder::merge_adapter(int adapter) {
  if (adapter < 0 || static_cast<size_t>(adapter) >= adapters_.size()) {
    return usage_error("the model has no adapter to merge");
  }
  if (!adapters_[static_cast<size_t>(adapter)].config.invocation.empty()) {
    return usage_error("an activated LoRA cannot be merged: it acts on a part of each prompt only",
                       "keep it as an adapter");
  }
  if (quantized()) {
    return usage_error("an adapter cannot be merged into quantised weights",
                       "load the model with its weights dequantised");
  }
  at::NoGradGuard no_grad;
  for (auto& [name, linear] : projections()) {
    for (const nn::LoraSlice& lora : linear->loras) {
      if (lora.adapter != adapter) continue;
      at::Tensor rows = linear->weight.value().detach().narrow(0, lora.row, lora.rows);
      const at::Tensor delta = at::matmul(lora.b.value(), lora.a.value()) * lora.scale;
      rows.copy_(rows.to(at::kFloat) + delta);
    }
    linear->loras.clear();
    linear->weight.changed();
  }
  adapters_.clear();
  return {};
}

}  // namespace relata::model
