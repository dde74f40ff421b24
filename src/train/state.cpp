#include "state.h"

#include <ATen/core/grad_mode.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "relata/base/file.h"
#include "relata/model/safetensors.h"
#include "relata/model/tensor_type.h"
#include "run_folder.h"
#include "settings.h"

namespace relata::train {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPrefix = "checkpoint-";
constexpr const char* kInWork = "/.checkpoint-in-work";  // what a killed run leaves of a change

struct Group {
  const char* name;
  const std::vector<at::Tensor>* tensors;
};

Status write_tensors(const std::string& path, const std::vector<Group>& groups) {
  std::vector<model::TensorToWrite> list;
  std::vector<at::Tensor> kept;  // what the spans point into
  for (const Group& group : groups) {
    for (size_t i = 0; i < group.tensors->size(); ++i) {
      const at::Tensor& t = kept.emplace_back((*group.tensors)[i].cpu());
      list.push_back(
          {std::string(group.name) + "." + std::to_string(i),
           model::tensor_type_name(t.scalar_type()), t.sizes().vec(),
           std::as_bytes(std::span(static_cast<const char*>(t.data_ptr()), t.nbytes()))});
    }
  }
  return model::write_safetensors(path, list);
}

Status read_group(const model::TensorViews& views, const std::string& name,
                  const std::vector<model::Decoder::Parameter>& like, const std::string& path,
                  std::vector<at::Tensor>& out) {
  out.clear();
  for (size_t i = 0; i < like.size(); ++i) {
    const std::string key = name + "." + std::to_string(i);
    const auto found = views.find(key);
    const at::Tensor& value = like[i].value;
    const at::Tensor t = at::empty(value.sizes(), value.options().device(at::kCPU));
    if (found == views.end() || found->second.bytes.size() != t.nbytes()) {
      return input_error(path + ": tensor " + key + " is missing or has another size",
                         "remove this checkpoint folder and resume from an older one");
    }
    std::memcpy(t.data_ptr(), found->second.bytes.data(), t.nbytes());
    out.push_back(t.to(value.device()));
  }
  return {};
}

constexpr const char* kOlder = "remove this checkpoint folder and resume from an older one";

// Of which run a checkpoint is, "" for those from before runs had ids; nothing when it is damaged.
std::optional<std::string> run_of(const std::string& checkpoint) {
  const auto json = read_json(checkpoint + kStateFile);
  if (!json.ok() || !json->is_object()) return std::nullopt;
  if (json->contains("fingerprint")) return "";
  const auto run = json->find("run");
  if (run == json->end() || !run->is_string()) return std::nullopt;
  return run->get<std::string>();
}

// Damaged ones may be of the run: loading them says so. A folder without run.json knows no runs.
// One without state is no checkpoint: an older relata that was killed while it removed it left it.
bool may_belong(const std::string& checkpoint, const std::string& run_id) {
  if (!file_exists(checkpoint + kStateFile)) return false;
  return run_id.empty() || run_of(checkpoint).value_or(run_id) == run_id;
}

struct Saved {
  TrainState state;
  std::string run;
  Json settings;
  bool has_average = false, has_best = false;
};

Json state_to_json(const TrainState& state, const RunIdentity& run) {
  Json json = Json::object();
  json["global_step"] = state.step;
  json["epoch"] = state.epoch;
  json["next_row"] = state.next_row;
  json["seconds"] = state.seconds;
  json["best_metric"] = state.best_metric;
  json["best_global_step"] = state.best_step;
  json["stale_evaluations"] = state.stale_evaluations;
  json["finished"] = state.finished;
  json["has_average"] = !state.average.empty();
  json["has_best"] = !state.best.empty();
  json["run"] = run.id;
  json["settings"] = run.settings;
  return json;
}

Result<Saved> state_from_json(const Json& json, const std::string& path) {
  constexpr double kMost = 0x1p53;
  Saved saved;
  TrainState& state = saved.state;
  if (json.is_object() && json.contains("fingerprint")) {
    return usage_error(path + ": the checkpoint does not say with which settings it was made",
                       "it is of an older relata: resume with that, or begin again");
  }
  Fields fields(json, path);
  const NumberRange count = NumberRange::between(0, kMost);
  fields.get("global_step", state.step, count);
  fields.get("epoch", state.epoch, count);
  fields.get("next_row", state.next_row, count);
  fields.get("seconds", state.seconds, count);
  fields.get("best_metric", state.best_metric);
  fields.get("best_global_step", state.best_step, count);
  fields.get("stale_evaluations", state.stale_evaluations, count);
  fields.get("finished", state.finished);
  fields.get("has_average", saved.has_average);
  fields.get("has_best", saved.has_best);
  fields.get("run", saved.run);
  fields.get("settings", saved.settings);
  for (const char* key : {"global_step", "epoch", "next_row", "run", "settings"}) {
    if (json.is_object() && !fields.has(key)) {
      return input_error(path + ": damaged: '" + key + "' is missing", kOlder);
    }
  }
  const Status read = fields.finish();
  if (!read.ok()) return input_error("damaged: " + read.error().message, kOlder);
  if (!saved.settings.is_object() || !json["run"].is_string()) {
    return input_error(path + ": damaged: 'settings' or 'run' is of another type", kOlder);
  }
  return saved;
}

Status read_tensors(const std::string& path, const Saved& saved,
                    const std::vector<model::Decoder::Parameter>& parameters,
                    std::vector<at::Tensor>& weights, TrainState& state) {
  RELATA_TRY(const auto views, model::read_safetensors(path));
  RELATA_CHECK(read_group(views, "weight", parameters, path, weights));
  RELATA_CHECK(read_group(views, "first", parameters, path, state.first));
  RELATA_CHECK(read_group(views, "second", parameters, path, state.second));
  if (saved.has_average) {
    RELATA_CHECK(read_group(views, "average", parameters, path, state.average));
  }
  if (saved.has_best) RELATA_CHECK(read_group(views, "best", parameters, path, state.best));
  return {};
}

Status restore_generator(const std::string& path) {
  RELATA_TRY(const auto random, model::read_safetensors(path));
  const auto cpu = random.find("cpu.0");
  auto generator = at::detail::getDefaultCPUGenerator();
  at::Tensor generator_state = generator.get_state();
  if (cpu == random.end() || cpu->second.bytes.size() != generator_state.nbytes()) {
    return input_error(path + ": no state of this LibTorch's generator",
                       "resume with the LibTorch that wrote it");
  }
  std::memcpy(generator_state.data_ptr(), cpu->second.bytes.data(), generator_state.nbytes());
  generator.set_state(generator_state);
  return {};
}

// A folder with part of its files must never have a checkpoint's name: a killed run would go on
// from it. So it is written, and removed, under another.
std::string work_folder(const std::string& output_dir) { return output_dir + kInWork; }

void remove_checkpoint(const std::string& output_dir, const std::string& folder) {
  const std::string work = work_folder(output_dir);
  std::error_code ignored;
  fs::remove_all(work, ignored);
  fs::rename(folder, work, ignored);
  fs::remove_all(work, ignored);
}

// The whole checkpoint in the work folder takes its name; what had the name is gone.
Status name_checkpoint(const std::string& output_dir, const std::string& folder) {
  const std::string work = work_folder(output_dir);
  std::error_code code;
  if (file_exists(folder)) {
    if (::renameat2(AT_FDCWD, work.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) {
      fs::remove_all(work, code);
      return {};
    }
    // A file system that cannot exchange names: the older checkpoints remain in between.
    const std::string old = folder + ".old";
    fs::remove_all(old, code);
    fs::rename(folder, old, code);
    fs::rename(work, folder, code);
    if (!code) fs::remove_all(old, code);
  } else {
    fs::rename(work, folder, code);
  }
  return code ? Status(resource_error(folder + ": " + code.message())) : Status();
}

// Keeps the newest `limit` checkpoints of the run, and all of others.
void rotate(const std::string& output_dir, const std::string& run_id, size_t limit) {
  std::vector<std::string> ours;
  for (const std::string& folder : checkpoint_folders(output_dir)) {
    if (run_of(folder) == run_id) ours.push_back(folder);
  }
  for (size_t i = 0; i + limit < ours.size(); ++i) remove_checkpoint(output_dir, ours[i]);
}

}  // namespace

std::vector<std::string> checkpoint_folders(const std::string& output_dir) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(output_dir, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kPrefix, 0) != 0) continue;
    const std::string digits = name.substr(std::strlen(kPrefix));
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    if (digits.size() > 15) continue;
    found.emplace_back(std::stoll(digits), entry.path().string());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> folders;
  for (auto& [step, path] : found) folders.push_back(std::move(path));
  return folders;
}

std::string newest_checkpoint(const std::string& output_dir, const std::string& run_id) {
  const auto folders = checkpoint_folders(output_dir);
  const auto newest = std::find_if(folders.rbegin(), folders.rend(),
                                   [&](const auto& folder) { return may_belong(folder, run_id); });
  return newest == folders.rend() ? "" : *newest;
}

bool has_later_checkpoint(const std::string& output_dir, const std::string& run_id, int64_t step) {
  const std::string newest = fs::path(newest_checkpoint(output_dir, run_id)).filename().string();
  return !newest.empty() && std::stoll(newest.substr(std::strlen(kPrefix))) > step;
}

Status save_checkpoint(const TrainerConfig& config, const RunIdentity& run,
                       const std::vector<model::Decoder::Parameter>& parameters,
                       const TrainState& state) {
  const std::string final_path = config.output_dir + "/" + kPrefix + std::to_string(state.step);
  const std::string work = work_folder(config.output_dir);
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
  RELATA_CHECK(write_json(work + kStateFile, state_to_json(state, run)));
  RELATA_CHECK(name_checkpoint(config.output_dir, final_path));
  rotate(config.output_dir, run.id, static_cast<size_t>(config.save_total_limit));
  return {};
}

Result<bool> load_checkpoint(const TrainerConfig& config, RunIdentity& run, int64_t rows,
                             std::vector<model::Decoder::Parameter>& parameters,
                             TrainState& state) {
  std::string folder = resume_choice(config);
  if (folder.empty()) return false;
  if (folder == "auto") {
    folder = newest_checkpoint(config.output_dir, run.id);
    if (folder.empty()) return false;
  }
  if (!file_exists(folder)) {
    return usage_error("resume_from_checkpoint " + folder + ": no such folder",
                       "name a checkpoint folder, or auto for the newest one");
  }
  const std::string path = folder + kStateFile;
  if (!file_exists(path)) {
    return usage_error("resume_from_checkpoint " + folder + ": no checkpoint: it has no " +
                           std::string(kStateFile + 1),
                       "name a checkpoint's folder, checkpoint-STEP, or auto for the newest one");
  }
  const auto json = read_json(path);
  if (!json.ok() && json.error().code == ErrorCode::kBadInput) {
    return input_error("damaged: " + json.error().message, kOlder);
  }
  if (!json.ok()) return json.error();
  RELATA_TRY(Saved saved, state_from_json(*json, path));
  RELATA_CHECK(check_same_settings(saved.settings, run.settings, folder));
  if (saved.state.next_row >= rows) {
    return input_error(
        fmt::format("{}: damaged: 'next_row' is {}, of {} rows", path, saved.state.next_row, rows),
        kOlder);
  }
  for (const char* file : {"/state.safetensors", "/rng_state.safetensors"}) {
    if (file_exists(folder + file)) continue;
    return input_error(folder + ": damaged: it has no " + std::string(file + 1), kOlder);
  }
  std::vector<at::Tensor> weights;
  RELATA_CHECK(
      read_tensors(folder + "/state.safetensors", saved, parameters, weights, saved.state));
  RELATA_CHECK(restore_generator(folder + "/rng_state.safetensors"));
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].value.copy_(weights[i]);
  if (length_differs(saved.settings, run.settings)) saved.state.finished = false;
  state = std::move(saved.state);
  run.id = saved.run;
  return true;
}

}  // namespace relata::train
