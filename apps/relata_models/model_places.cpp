#include "model_places.h"

#include <cstdlib>
#include <filesystem>

#include "hub_models.h"
#include "program.h"
#include "relata/base/file.h"

namespace relata::app {

std::vector<std::string> model_places() {
  std::vector<std::string> places;
  if (const char* value = std::getenv("RELATA_MODELS")) {
    const std::string all = value;
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
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/relata";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.cache/relata";
  }
  return "";
}

Result<std::string> find_base(const extract::Extractor& extractor) {
  if (const auto name = parse_hub_name(extractor.config.model);
      name && !file_exists(extractor.model_path())) {
    RELATA_TRY(const std::optional<std::string> pulled, pulled_model(*name));
    if (pulled) return *pulled;
    const Result<std::string> elsewhere = extractor.find_model(model_places());
    return elsewhere.ok() ? elsewhere : find_named_model(extractor.config.model);
  }
  return extractor.find_model(model_places());
}

std::string shipped_extractor(const std::string& name) {
  return (program_folder() / RELATA_SHARE_FROM_PROGRAM / "extractors" / name)
      .lexically_normal()
      .string();
}

}  // namespace relata::app
