#include "io/output_places.h"

#include <fmt/format.h>

#include <filesystem>

#include "io/command_io.h"

namespace relata::app {
namespace {

namespace fs = std::filesystem;

bool is_stdout(const std::string& path) { return path.empty() || path == "-"; }

bool same_place(const std::string& one, const std::string& other) {
  if (is_stdout(one) || is_stdout(other)) return is_stdout(one) && is_stdout(other);
  std::error_code code;
  if (fs::equivalent(one, other, code)) return true;
  // Files that are yet to be made. What cannot be looked at is reported when it is written.
  const fs::path first = fs::weakly_canonical(fs::absolute(one, code), code);
  return !code && first == fs::weakly_canonical(fs::absolute(other, code), code) && !code;
}

// Of a device or a pipe nothing is destroyed, and standard input and output may be one terminal.
bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

Status check_places(const std::vector<OutputPlace>& outputs,
                    const std::vector<std::string>& inputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (!same_place(outputs[i].path, outputs[k].path)) continue;
      return usage_error(
          fmt::format("{} and {} would go to the same place", outputs[i].what, outputs[k].what),
          "give each a file of its own");
    }
  }
  RELATA_TRY(const std::vector<std::string> files, input_files(inputs));
  for (const OutputPlace& output : outputs) {
    if (is_stdout(output.path) || !is_file(output.path)) continue;
    for (const std::string& file : files) {
      if (file == "-" || !is_file(file) || !same_place(output.path, file)) continue;
      return usage_error(fmt::format("{}: {} would take the place of an input", file, output.what),
                         "write to another file");
    }
  }
  return {};
}

}  // namespace relata::app
