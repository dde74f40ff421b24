#include "relata/model/damage.h"

#include <ATen/core/grad_mode.h>

#include <optional>
#include <vector>

#include "arch/architecture.h"
#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/model/tensor_type.h"
#include "weights/checkpoint.h"

namespace relata::model {
namespace {

constexpr const char* kAgain =
    "its weights or its adapter's are damaged; fetch or train them again";

// What cannot be read is damaged too.
std::optional<std::string> first_damaged(const WeightSource& source,
                                         const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto stored = source.find(name);
    if (!stored) continue;
    const at::Tensor value = at::empty(stored->shape, at::kFloat);
    if (!source.read(name, value).ok() || !all_finite(value)) return name;
  }
  return {};
}

std::string is_damaged(const std::string& where, const std::string& tensor) {
  return where + ": tensor " + tensor + " holds a number that is not finite";
}

// "": nothing is wrong with the file, or it is not there any more.
std::string damage_of_model(const Decoder& model) {
  const std::string& path = model.source();
  if (path.empty()) return "";
  const auto source = open_weights(path);
  if (!source.ok()) return "";
  const auto names =
      Checkpoint::weight_names(model.config(), names_in(**source, model.config(), is_gguf(path)));
  const auto found = first_damaged(**source, names);
  return found ? is_damaged(path, *found) : "";
}

std::string damage_of_adapter(const std::string& folder) {
  if (folder.empty()) return "";
  const auto source = open_safetensors_file(folder + "/adapter_model.safetensors");
  if (!source.ok()) return "";
  const auto found = first_damaged(**source, (*source)->names());
  return found ? is_damaged(folder, *found) : "";
}

// Of a model that was made, or trained, in memory.
std::string damage_in_memory(const Decoder& model) {
  for (const auto& [name, value] : model.named_weights()) {
    if (!all_finite(value)) return is_damaged("the model in memory", name);
  }
  for (size_t i = 0; i < model.adapters().size(); ++i) {
    const Status status = check_adapter(model, static_cast<int>(i));
    if (!status.ok()) return status.error().message;
  }
  return "";
}

std::string damage(const Decoder& model) {
  std::string found = damage_of_model(model);
  for (const Decoder::Adapter& adapter : model.adapters()) {
    if (found.empty()) found = damage_of_adapter(adapter.folder);
  }
  return found.empty() ? damage_in_memory(model) : found;
}

}  // namespace

bool all_finite(const at::Tensor& values) {
  at::NoGradGuard no_grad;
  return !values.defined() || at::isfinite(values).all().item<bool>();
}

Error not_a_number(const Decoder& model) {
  const std::string what = "the model's output is not a number";
  const std::string found = damage(model);
  if (!found.empty()) return input_error(what + ": " + found, kAgain);
  const bool widest = model.compute_type() == at::kFloat;
  return input_error(
      what + ", though all its weights are: it overflows in " + (widest ? "float32" : "bfloat16"),
      widest ? "its weights or its adapter's are too large; fetch or train them again"
             : "compute in float32 (--dtype float32)");
}

Status check_output(const Decoder& model, const at::Tensor& output) {
  return all_finite(output) ? Status() : not_a_number(model);
}

Status check_weights(const Decoder& model) {
  for (const auto& [name, value] : model.named_weights()) {
    if (!all_finite(value)) return input_error(damage(model), kAgain);
  }
  return {};
}

Status check_written(const std::string& name, const at::Tensor& value, const at::Tensor& stored) {
  if (all_finite(stored)) return {};
  if (!all_finite(value)) {
    return input_error("tensor " + name + " holds a number that is not finite",
                       "the files of the model or of its adapter are damaged; get them again");
  }
  return input_error("tensor " + name + " holds a number that is too large for type " +
                         tensor_type_name(stored.scalar_type()),
                     "write it as f32 or bf16");
}

Status check_adapter(const Decoder& model, int adapter) {
  const Decoder::Adapter& of = model.adapters()[static_cast<size_t>(adapter)];
  const std::string where = of.folder.empty() ? "adapter " + of.name : of.folder;
  const auto check = [&](const std::string& tensor, const at::Tensor& value) -> Status {
    if (all_finite(value)) return {};
    return input_error(is_damaged(where, tensor),
                       "the adapter's files are damaged; get them or train it again");
  };
  for (const Checkpoint::LoraMatrices& m :
       Checkpoint::lora_matrices(model, adapter, architecture_of(model.config()).names)) {
    RELATA_CHECK(check(kAdapterPrefix + m.module + ".lora_A.weight", m.a));
    RELATA_CHECK(check(kAdapterPrefix + m.module + ".lora_B.weight", m.b));
  }
  return {};
}

}  // namespace relata::model
