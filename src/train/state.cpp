#include "state.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "relata/base/file.h"
#include "relata/model/safetensors.h"
#include "relata/model/tensor_type.h"

namespace relata::train {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPrefix = "checkpoint-";

struct Group {
  const char* name;
  const std::vector<at::Tensor>* tensors;
};

Status write_tensors(const std::string& path, const std::vector<Group>& groups) {
  std::vector<model::TensorToWrite> list;
  for (const Group& group : groups) {
    for (size_t i = 0; i < group.tensors->size(); ++i) {
      const at::Tensor& t = (*group.tensors)[i];
      list.push_back(
          {std::string(group.name) + "." + std::to_string(i),
           model::tensor_type_name(t.scalar_type()), t.sizes().vec(),
           std::as_bytes(std::span(static_cast<const char*>(t.data_ptr()), t.nbytes()))});
    }
  }
  return model::write_safetensors(path, list);
}

Status read_group(const model::TensorViews& views, const std::string& name, size_t count,
                  const std::vector<model::Decoder::Parameter>& like, const std::string& path,
                  std::vector<at::Tensor>& out) {
  out.clear();
  for (size_t i = 0; i < count; ++i) {
    const std::string key = name + "." + std::to_string(i);
    const auto found = views.find(key);
    at::Tensor t = at::empty_like(like[i].value.detach());
    if (found == views.end() || found->second.bytes.size() != t.nbytes()) {
      return input_error(path + ": tensor " + key + " is missing or has another size",
                         "remove this checkpoint folder and resume from an older one");
    }
    std::memcpy(t.data_ptr(), found->second.bytes.data(), t.nbytes());
    out.push_back(t);
  }
  return {};
}

std::vector<std::pair<int64_t, std::string>> checkpoints(const std::string& folder) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kPrefix, 0) != 0) continue;
    const std::string digits = name.substr(std::strlen(kPrefix));
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    if (digits.size() > 15) continue;
    found.emplace_back(std::stoll(digits), entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Status save_checkpoint(const TrainerConfig& config, const std::string& fingerprint,
                       const std::vector<model::Decoder::Parameter>& parameters,
                       const TrainState& state) {
  const std::string final_path = config.output_dir + "/" + kPrefix + std::to_string(state.step);
  const std::string work = config.output_dir + "/.checkpoint-in-work";
  std::error_code code;
  fs::remove_all(work, code);
  RELATA_CHECK(make_folders(work));
  std::vector<at::Tensor> weights;
  weights.reserve(parameters.size());
  for (const auto& p : parameters) weights.push_back(p.value.detach());
  RELATA_CHECK(write_tensors(work + "/state.safetensors", {{"weight", &weights},
                                                           {"first", &state.first},
                                                           {"second", &state.second},
                                                           {"average", &state.average},
                                                           {"best", &state.best}}));
  const at::Tensor generator = at::detail::getDefaultCPUGenerator().get_state();
  const std::vector<at::Tensor> random = {generator.contiguous()};
  RELATA_CHECK(write_tensors(work + "/rng_state.safetensors", {{"cpu", &random}}));
  Json json;
  json["global_step"] = state.step;
  json["epoch"] = state.epoch;
  json["next_row"] = state.next_row;
  json["seconds"] = state.seconds;
  json["best_metric"] = state.best_metric;
  json["best_global_step"] = state.best_step;
  json["stale_evaluations"] = state.stale_evaluations;
  json["finished"] = state.finished;
  json["fingerprint"] = fingerprint;
  json["has_average"] = !state.average.empty();
  json["has_best"] = !state.best.empty();
  RELATA_CHECK(write_json(work + "/trainer_state.json", json));
  fs::remove_all(final_path, code);
  fs::rename(work, final_path, code);
  if (code) return resource_error(final_path + ": " + code.message());
  auto all = checkpoints(config.output_dir);
  const auto limit = static_cast<size_t>(std::max<int64_t>(1, config.save_total_limit));
  for (size_t i = 0; i + limit < all.size(); ++i) fs::remove_all(all[i].second, code);
  return {};
}

Result<bool> load_checkpoint(const TrainerConfig& config, const std::string& fingerprint,
                             std::vector<model::Decoder::Parameter>& parameters,
                             TrainState& state) {
  std::string folder = config.resume_from_checkpoint;
  if (folder.empty() || folder == "false") return false;
  if (folder == "auto" || folder == "true") {
    const auto all = checkpoints(config.output_dir);
    if (all.empty()) return false;
    folder = all.back().second;
  }
  RELATA_TRY(const Json json, read_json(folder + "/trainer_state.json"));
  if (!json.is_object() || json.value("fingerprint", "") != fingerprint) {
    return usage_error(folder + ": this checkpoint belongs to a run with other data or settings",
                       "use the same configuration, or another output_dir");
  }
  const std::string path = folder + "/state.safetensors";
  RELATA_TRY(const auto views, model::read_safetensors(path));
  std::vector<at::Tensor> weights;
  const size_t count = parameters.size();
  RELATA_CHECK(read_group(views, "weight", count, parameters, path, weights));
  RELATA_CHECK(read_group(views, "first", count, parameters, path, state.first));
  RELATA_CHECK(read_group(views, "second", count, parameters, path, state.second));
  if (json.value("has_average", false)) {
    RELATA_CHECK(read_group(views, "average", count, parameters, path, state.average));
  }
  if (json.value("has_best", false)) {
    RELATA_CHECK(read_group(views, "best", count, parameters, path, state.best));
  }
  RELATA_TRY(const auto random, model::read_safetensors(folder + "/rng_state.safetensors"));
  const auto cpu = random.find("cpu.0");
  auto generator = at::detail::getDefaultCPUGenerator();
  at::Tensor generator_state = generator.get_state();
  if (cpu == random.end() || cpu->second.bytes.size() != generator_state.nbytes()) {
    return input_error(folder + "/rng_state.safetensors: no state of this LibTorch's generator",
                       "resume with the LibTorch that wrote it");
  }
  std::memcpy(generator_state.data_ptr(), cpu->second.bytes.data(), generator_state.nbytes());
  generator.set_state(generator_state);
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < count; ++i) parameters[i].value.copy_(weights[i]);
  state.step = json.value("global_step", int64_t{0});
  state.epoch = json.value("epoch", int64_t{0});
  state.next_row = json.value("next_row", int64_t{0});
  state.seconds = json.value("seconds", 0.0);
  state.best_metric = json.value("best_metric", -1e300);
  state.best_step = json.value("best_global_step", int64_t{0});
  state.stale_evaluations = json.value("stale_evaluations", int64_t{0});
  state.finished = json.value("finished", false);
  return true;
}

}  // namespace relata::train
