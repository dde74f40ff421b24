#include "model_places.h"

#include <filesystem>

#include "environment.h"
#include "hub_models.h"
#include "program.h"
#include "relata/base/file.h"

namespace relata::app {

std::vector<std::string> model_places() {
  std::vector<std::string> places;
  if (const std::string all = environment("RELATA_MODELS"); !all.empty()) {
    for (size_t begin = 0; begin <= all.size();) {
      const size_t end = std::min(all.find(':', begin), all.size());
      if (end > begin) places.push_back(all.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  places.emplace_back("models");
  for (auto folder = program_folder(); folder.has_relative_path(); folder = folder.parent_path()) {
    places.push_back((folder / "models").string());
  }
  if (const std::string cache = user_cache(); !cache.empty()) places.push_back(cache + "/models");
  return places;
}

std::string user_cache() {
  const std::string cache = cache_home();
  return cache.empty() ? "" : cache + "/relata";
}

Result<std::string> find_base(const extract::Extractor& extractor) {
  if (const auto name = parse_hub_name(extractor.config.model);
      name && !file_exists(extractor.model_path())) {
    RELATA_TRY(const std::optional<std::string> pulled, pulled_model(*name));
    if (pulled) return *pulled;
  }
  const Result<std::string> found = extractor.find_model(model_places());
  if (found.ok()) return found;
  // Where the name may be a hub's, what can be said of that says more.
  const Result<std::string> named = find_named_model(extractor.config.model);
  return named.ok() ? found : named;
}

std::string shipped_extractor(const std::string& name) {
  return (program_folder() / RELATA_SHARE_FROM_PROGRAM / "extractors" / name)
      .lexically_normal()
      .string();
}

}  // namespace relata::app
