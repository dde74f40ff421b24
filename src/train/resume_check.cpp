// What can be said of a checkpoint before there are a model and rows to go on with.
#include "relata/base/file.h"
#include "run_folder.h"
#include "settings.h"
#include "state.h"

namespace relata::train {
Status check_resume(const TrainerConfig& config) {
  std::string folder = resume_choice(config);
  if (folder.empty()) return {};
  if (folder == "auto") {
    RELATA_TRY(const RunRecord run, read_run(config.output_dir));
    folder = newest_checkpoint(config.output_dir, run.id);
    if (folder.empty()) return {};
  }
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
