#include "files/glob.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "files/file_calls.h"

namespace relata::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolders = "**";

// `text` for glob(3), which gives the characters of `plain` no meaning then.
std::string escaped(std::string_view text, std::string_view plain) {
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string escaped_name(std::string_view name) { return escaped(name, "*?[]\\"); }
std::string escaped_pattern(std::string_view pattern) { return escaped(pattern, "[]\\"); }

// Where a ** stands between slashes; npos: nowhere.
size_t find_folders(std::string_view pattern) {
  for (size_t at = 0; (at = pattern.find(kFolders, at)) != std::string_view::npos; ++at) {
    const size_t end = at + kFolders.size();
    const bool begins = at == 0 || pattern[at - 1] == '/';
    if (begins && (end == pattern.size() || pattern[end] == '/')) return at;
  }
  return std::string_view::npos;
}

// What stands behind a ** and its slash; ** again says nothing new, and alone it is all names.
std::string_view behind_folders(std::string_view pattern) {
  while (find_folders(pattern) == 0) {
    pattern.remove_prefix(kFolders.size());
    pattern.remove_prefix(std::min(pattern.find_first_not_of('/'), pattern.size()));
  }
  return pattern.empty() ? "*" : pattern;
}

class Expansion {
 public:
  explicit Expansion(const std::string& pattern) : pattern_(pattern) {}

  Result<std::vector<std::string>> run() {
    RELATA_CHECK(expand("", pattern_, false));
    std::sort(paths_.begin(), paths_.end());
    paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
    return std::move(paths_);
  }

 private:
  // `before`, as glob(3) takes it, is what stands before the rest of the pattern; `below`: a **
  // led there.
  Status expand(const std::string& before, std::string_view rest, bool below) {
    const size_t folders = find_folders(rest);
    if (folders == std::string_view::npos) {
      RELATA_TRY(const auto found, matches(before + escaped_pattern(rest)));
      for (const std::string& path : found) {
        if (!below || is_taken_below(path)) paths_.push_back(path);
      }
      return {};
    }
    const std::string roots = before + escaped_pattern(rest.substr(0, folders));
    rest = behind_folders(rest.substr(folders));
    if (roots.empty()) return expand_below("", rest);
    RELATA_TRY(const auto found, matches(roots));
    std::error_code ignored;
    for (const std::string& root : found) {
      // Without * and ?, glob(3) finds a file, too, where a slash ends the pattern.
      if (fs::is_directory(root, ignored)) RELATA_CHECK(expand_below(root, rest));
    }
    return {};
  }

  // In `root` ("" or with its slash) and all folders below.
  Status expand_below(const std::string& root, std::string_view rest) {
    RELATA_CHECK(expand(escaped_name(root), rest, true));
    const std::string here = root.empty() ? "./" : root;
    std::string reached = here;
    std::error_code code;
    fs::recursive_directory_iterator it(here, code);
    while (!code && it != fs::recursive_directory_iterator()) {
      reached = it->path().string();
      std::error_code ignored;
      const bool hidden = it->path().filename().string().starts_with('.');
      if (hidden) it.disable_recursion_pending();
      if (!hidden && it->is_directory(ignored) && !it->is_symlink(ignored)) {
        const std::string folder = root + reached.substr(here.size()) + "/";
        RELATA_CHECK(expand(escaped_name(folder), rest, true));
      }
      it.increment(code);
    }
    if (code) return system_error_at(reached, "list the folder", code.value());
    return {};
  }

  // As where a folder is named: no pipe, no link that leads nowhere or to a folder.
  static bool is_taken_below(const std::string& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return !fs::is_symlink(path, ignored);
    return fs::is_regular_file(path, ignored);
  }

  Result<std::vector<std::string>> matches(const std::string& pattern) const {
    glob_t found{};
    const int code = ::glob(pattern.c_str(), 0, nullptr, &found);
    std::vector<std::string> paths;
    for (size_t i = 0; code == 0 && i < found.gl_pathc; ++i) paths.push_back(found.gl_pathv[i]);
    ::globfree(&found);
    if (code != 0 && code != GLOB_NOMATCH) {
      return resource_error(pattern_ + ": cannot expand the pattern");
    }
    return paths;
  }

  const std::string& pattern_;
  std::vector<std::string> paths_;
};

}  // namespace

Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
  return Expansion(pattern).run();
}

}  // namespace relata::internal
