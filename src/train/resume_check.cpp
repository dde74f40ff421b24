// What can be said of a checkpoint before there are a model and rows to go on with.
#include "relata/base/file.h"
#include "run_folder.h"
#include "settings.h"
#include "state.h"

namespace relata::train {
namespace {

// The folder that training would resume from; "": none.
Result<std::string> chosen_checkpoint(const TrainerConfig& config) {
  std::string choice = resume_choice(config);
  if (choice != "auto") return choice;
  RELATA_TRY(const RunRecord run, read_run(config.output_dir));
  return newest_checkpoint(config.output_dir, run.id);
}

}  // namespace

Result<bool> resumes(const TrainerConfig& config) {
  RELATA_TRY(const std::string folder, chosen_checkpoint(config));
  return !folder.empty();
}

Status check_resume(const TrainerConfig& config) {
  RELATA_TRY(const std::string folder, chosen_checkpoint(config));
  if (folder.empty()) return {};
  // What is damaged is said when it is loaded.
  const auto said = read_json(folder + kStateFile);
  if (!said.ok() || !said->is_object()) return {};
  const auto run = said->find("run"), settings = said->find("settings");
  if (run == said->end() || !run->is_string()) return {};
  if (settings == said->end() || !settings->is_object()) return {};
  Json now = stated_settings(config), before = Json::object();
  now.erase("dataset");  // is compared by its content
  for (const auto& [key, value] : now.items()) before[key] = settings->value(key, Json());
  return check_same_settings(before, now, folder);
}

}  // namespace relata::train
