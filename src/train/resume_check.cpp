// What can be said of a checkpoint before there are a model and rows to go on with.
#include <optional>

#include "relata/base/file.h"
#include "run_folder.h"
#include "settings.h"
#include "state.h"

namespace relata::train {
namespace {

constexpr const char* kStateFile = "/trainer_state.json";

struct Said {
  std::string run;
  Json settings;
};

// What a checkpoint says of itself; nothing where it is damaged, which is said when it is loaded.
std::optional<Said> said_by(const std::string& checkpoint) {
  const auto json = read_json(checkpoint + kStateFile);
  if (!json.ok() || !json->is_object()) return {};
  const auto run = json->find("run"), settings = json->find("settings");
  if (run == json->end() || !run->is_string()) return {};
  if (settings == json->end() || !settings->is_object()) return {};
  return Said{run->get<std::string>(), *settings};
}

// The folder that would be resumed from; "": none.
std::string newest_of(const std::string& output_dir, const std::string& run_id) {
  const auto folders = checkpoint_folders(output_dir);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    if (!file_exists(*folder + kStateFile)) continue;
    const auto said = said_by(*folder);
    if (!said || run_id.empty() || said->run == run_id) return *folder;
  }
  return "";
}

}  // namespace

Status check_resume(const TrainerConfig& config) {
  std::string folder = resume_choice(config);
  if (folder.empty()) return {};
  if (folder == "auto") {
    RELATA_TRY(const RunRecord run, read_run(config.output_dir));
    folder = newest_of(config.output_dir, run.id);
  }
  const auto said = said_by(folder);
  if (!said) return {};
  Json now = stated_settings(config), before = Json::object();
  now.erase("dataset");  // is compared by its content
  for (const auto& [key, value] : now.items()) before[key] = said->settings.value(key, Json());
  return check_same_settings(before, now, folder);
}

}  // namespace relata::train
