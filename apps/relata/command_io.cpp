#include "command_io.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/text/utf8.h"

namespace relata::app {
namespace {

constexpr auto kReplaceInvalid = Json::error_handler_t::replace;

Status append_lines(const std::string& path, std::vector<InputLine>& lines) {
  RELATA_TRY(const std::string content, read_file(path));
  int64_t number = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    std::string line = content.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    std::string where = fmt::format("{}:{}", display_name(path), number);
    if (const auto invalid = text::find_invalid_utf8(line)) {
      return input_error(fmt::format("{}: invalid UTF-8 at byte {}", where, *invalid + 1),
                         "convert the file to UTF-8, for example with iconv");
    }
    lines.push_back({std::move(line), std::move(where)});
  }
  return {};
}

Status write_stdout(std::string_view content) {
  errno = 0;
  const size_t written = std::fwrite(content.data(), 1, content.size(), stdout);
  if (written == content.size() && std::fflush(stdout) == 0) return {};
  return resource_error(fmt::format("standard output: {}", std::strerror(errno)));
}

void append_outline(const Json& value, const std::string& indent, std::string& out) {
  for (const auto& [key, item] : value.items()) {
    const std::string label = value.is_array() ? "-" : key + ":";
    if (item.is_structured()) {
      out += fmt::format("{}{}\n", indent, label);
      append_outline(item, indent + "  ", out);
    } else {
      out += fmt::format("{}{} {}\n", indent, label,
                         item.is_string() ? item.get<std::string>() : json_line(item));
    }
  }
}

}  // namespace

Result<std::vector<std::string>> input_files(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return std::vector<std::string>{"-"};
  return expand_inputs(arguments);
}

std::string display_name(const std::string& path) { return path == "-" ? "standard input" : path; }

Result<std::vector<InputLine>> read_lines(const std::vector<std::string>& arguments) {
  RELATA_TRY(const std::vector<std::string> files, input_files(arguments));
  std::vector<InputLine> lines;
  for (const std::string& file : files) RELATA_CHECK(append_lines(file, lines));
  return lines;
}

Result<data::Dataset> read_datasets(const std::vector<std::string>& arguments,
                                    const data::ReadOptions& options) {
  RELATA_TRY(const std::vector<std::string> files, input_files(arguments));
  data::Dataset all;
  for (const std::string& file : files) {
    RELATA_TRY(data::Dataset dataset, data::read_dataset(file, options));
    all.format = dataset.format;
    std::move(dataset.documents.begin(), dataset.documents.end(),
              std::back_inserter(all.documents));
    std::move(dataset.skipped.begin(), dataset.skipped.end(), std::back_inserter(all.skipped));
  }
  return all;
}

Result<int> report_skipped(const data::Dataset& dataset, const std::string& output) {
  if (dataset.skipped.empty()) return 0;
  if (dataset.documents.empty()) {
    return input_error(
        fmt::format("no usable record; the first problem: {}", dataset.skipped.front()));
  }
  std::string place = "above";
  if (output.empty() || output == "-") {
    for (const std::string& line : dataset.skipped) log_warning(line);
  } else {
    place = output + ".skipped.txt";
    RELATA_CHECK(write_file_atomic(place, fmt::format("{}\n", fmt::join(dataset.skipped, "\n"))));
  }
  log_warning(fmt::format("{} records skipped, listed {}{}", dataset.skipped.size(),
                          place == "above" ? "" : "in ", place));
  return 4;
}

Status write_result(const std::string& output, std::string_view content) {
  if (output.empty() || output == "-") return write_stdout(content);
  return write_file_atomic(output, content);
}

std::string json_line(const Json& value) { return value.dump(-1, ' ', false, kReplaceInvalid); }

std::string json_page(const Json& value) {
  return value.dump(2, ' ', false, kReplaceInvalid) + "\n";
}

std::string json_outline(const Json& value) {
  std::string out;
  append_outline(value, "", out);
  return out;
}

}  // namespace relata::app
