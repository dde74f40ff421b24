#include "models/hub_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>

#include "environment.h"
#include "models/model_folders.h"
#include "relata/base/file.h"
#include "relata/base/gguf.h"

namespace relata::app {
namespace {

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::optional<std::filesystem::path> snapshot_of(const HubName& name) {
  const std::string cache = hub_cache();
  if (cache.empty()) return {};
  const std::filesystem::path folder = hub_repo_folder(cache, name.repo);
  std::string commit = name.revision;
  if (const auto ref = read_file((folder / "refs" / name.revision).string()); ref.ok()) {
    commit = ref->substr(0, ref->find_first_of("\r\n"));
  }
  if (commit.find('/') != std::string::npos) return {};
  std::filesystem::path snapshot = folder / "snapshots" / commit;
  std::error_code ignored;
  if (!std::filesystem::is_directory(snapshot, ignored)) return {};
  return snapshot;
}

std::vector<std::string> gguf_files(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  std::error_code ended;
  for (std::filesystem::recursive_directory_iterator at(folder, ended), end; !ended && at != end;
       at.increment(ended)) {
    if (is_gguf_name(at->path().string())) found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// What has the name in a folder of models; a path from the root, ./x and ../x are no names.
std::optional<std::string> placed_model(const std::filesystem::path& name) {
  if (name.is_absolute() || *name.begin() == "." || *name.begin() == "..") return {};
  std::error_code ignored;
  for (const std::string& place : model_places()) {
    const std::filesystem::path path = std::filesystem::path(place) / name;
    if (std::filesystem::exists(path, ignored)) return path.string();
  }
  return {};
}

}  // namespace

std::optional<HubName> parse_hub_name(const std::string& text) {
  static const std::regex kName(
      R"(([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([A-Za-z0-9][\w./-]*))?(?::([\w.-]+))?)");
  std::smatch found;
  if (!std::regex_match(text, found, kName)) return {};
  HubName name;
  name.repo = found[1];
  if (found[2].matched) name.revision = found[2];
  name.variant = found[3];
  if (name.repo.find("..") != std::string::npos || name.revision.find("..") != std::string::npos) {
    return {};
  }
  return name;
}

std::string hub_cache() {
  if (std::string stated = environment("HF_HUB_CACHE"); !stated.empty()) return stated;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return home + "/hub";
  const std::string cache = cache_home();
  return cache.empty() ? "" : cache + "/huggingface/hub";
}

std::string hub_repo_folder(const std::string& cache, const std::string& repo) {
  const size_t slash = repo.find('/');
  return fmt::format("{}/models--{}--{}", cache, repo.substr(0, slash), repo.substr(slash + 1));
}

bool has_variant(const std::string& path, const std::string& variant) {
  const std::string name = lowered(path);
  const std::string wanted = lowered(variant);
  for (size_t at = name.find(wanted); at != std::string::npos; at = name.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    if ((at == 0 || !is_word(name[at - 1])) && (end == name.size() || !is_word(name[end]))) {
      return true;
    }
  }
  return false;
}

bool is_gguf_name(const std::string& path) { return lowered(path).ends_with(".gguf"); }

std::vector<std::string> first_parts(std::vector<std::string> paths) {
  const auto is_later = [](const std::string& path) { return gguf_part_number(path) > 1; };
  paths.erase(std::remove_if(paths.begin(), paths.end(), is_later), paths.end());
  return paths;
}

Result<std::optional<std::string>> pulled_model(const HubName& name) {
  const auto snapshot = snapshot_of(name);
  if (!snapshot) return std::optional<std::string>();
  const std::vector<std::string> files = first_parts(gguf_files(*snapshot));
  const bool is_folder = file_exists((*snapshot / "config.json").string()) ||
                         file_exists((*snapshot / "adapter_config.json").string());
  if (name.variant.empty() && (files.empty() || is_folder))
    return std::optional(snapshot->string());
  std::vector<std::string> chosen;
  for (const std::string& path : files) {
    const std::string inner = std::filesystem::path(path).lexically_relative(*snapshot).string();
    if (name.variant.empty() || has_variant(inner, name.variant)) chosen.push_back(path);
  }
  if (chosen.empty()) return std::optional<std::string>();
  if (chosen.size() == 1) return std::optional(chosen.front());
  std::vector<std::string> names;
  for (const std::string& path : chosen) {
    names.push_back(std::filesystem::path(path).lexically_relative(*snapshot).string());
  }
  return usage_error(fmt::format("{}: {} files of it were pulled: {}", name.repo, names.size(),
                                 fmt::join(names, ", ")),
                     fmt::format("choose one as in {}:Q4_K_M", name.repo));
}

Result<std::string> find_named_model(const std::string& name) {
  std::error_code ignored;
  if (name.empty() || std::filesystem::exists(name, ignored)) return name;
  const auto hub = is_gguf_name(name) ? std::nullopt : parse_hub_name(name);
  if (hub) {
    RELATA_TRY(const std::optional<std::string> pulled, pulled_model(*hub));
    if (pulled) return *pulled;
  }
  if (const auto placed = placed_model(name)) return *placed;
  // A slip in the name of a file is told by what opens files.
  if (!hub || std::filesystem::exists(name.substr(0, name.find('/')), ignored)) return name;
  return usage_error(
      fmt::format("{}: no such file or folder, and no model of this name was pulled", name),
      fmt::format("`relata pull {}` fetches it from a Hugging Face hub", name));
}

CLI::Validator named_model() {
  return {[](std::string& value) {
            const Result<std::string> found = find_named_model(value);
            if (!found.ok()) return found.error().message + "; " + found.error().hint;
            value = *found;
            return std::string();
          },
          ""};
}

}  // namespace relata::app
