#include "run_folder.h"

#include <fmt/format.h>

#include <random>

#include "relata/base/file.h"
#include "state.h"

namespace relata::train {
namespace {

std::string record_path(const std::string& output_dir) { return output_dir + "/run.json"; }

// The parts of a result that training writes last, for folders without run.json.
bool has_result(const std::string& output_dir) {
  for (const char* name : {"extractor.yaml", "train_config.yaml", "model/model.safetensors"}) {
    if (file_exists(output_dir + "/" + name)) return true;
  }
  return false;
}

}  // namespace

Result<RunRecord> read_run(const std::string& output_dir) {
  const std::string path = record_path(output_dir);
  RunRecord run;
  if (!file_exists(path)) {
    run.finished = has_result(output_dir);
    return run;
  }
  RELATA_TRY(const Json json, read_json(path));
  Fields fields(json, path);
  fields.get("run", run.id);
  fields.get("finished", run.finished);
  const Status read = fields.finish();
  if (!read.ok() || run.id.empty()) {
    return input_error(read.ok() ? path + ": 'run' is missing" : read.error().message,
                       "remove the file to have the folder's checkpoints left alone");
  }
  return run;
}

Status write_run(const std::string& output_dir, const RunRecord& run) {
  Json json = Json::object();
  json["run"] = run.id;
  json["finished"] = run.finished;
  return write_json(record_path(output_dir), json);
}

std::string new_run_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string resume_choice(const TrainerConfig& config) {
  const std::string& choice = config.resume_from_checkpoint;
  if (choice == "false") return "";
  return choice == "true" ? "auto" : choice;
}

Status check_output_dir(const TrainerConfig& config) {
  if (config.overwrite_output_dir) return {};
  const std::string& folder = config.output_dir;
  RELATA_TRY(const RunRecord run, read_run(folder));
  if (!run.finished) return {};
  const std::string choice = resume_choice(config);
  const bool resumes =
      choice == "auto" ? !newest_checkpoint(folder, run.id).empty() : !choice.empty();
  if (resumes) return {};
  return usage_error(
      "output_dir " + folder + " holds a finished run" +
          (choice.empty() ? "" : ", without a checkpoint to go on from"),
      "choose another output_dir, or set overwrite_output_dir=true to write over its result");
}

Status mark_finished(const std::string& output_dir) {
  RELATA_TRY(RunRecord run, read_run(output_dir));
  if (run.id.empty()) run.id = new_run_id();
  run.finished = true;
  return write_run(output_dir, run);
}

}  // namespace relata::train
