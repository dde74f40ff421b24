#include "models/model_folders.h"

#include <algorithm>
#include <filesystem>

#include "environment.h"
#include "program.h"

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

}  // namespace relata::app
