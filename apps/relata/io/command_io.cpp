#include "io/command_io.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>

#include "commands.h"
#include "io/standard_output.h"
#include "io/unique_ids.h"
#include "relata/base/atomic_file.h"
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
    lines.push_back({std::move(line), std::move(where), number});
  }
  return {};
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.5g}", value.get<double>());
  return value.empty() ? "none" : json_line(value);
}

void append_outline(const Json& value, const std::string& indent, std::string& out) {
  for (const auto& [key, item] : value.items()) {
    const std::string label = value.is_array() ? "-" : key + ":";
    if (item.is_structured() && !item.empty()) {
      out += fmt::format("{}{}\n", indent, label);
      append_outline(item, indent + "  ", out);
    } else {
      out += fmt::format("{}{} {}\n", indent, label, scalar_text(item));
    }
  }
}

// Lists what was done to records, in OUTPUT.<suffix>.txt if there is an output file.
Status list_records(const std::vector<std::string>& lines, const std::string& done,
                    const std::string& suffix, const std::string& output) {
  return list_lines(lines, counted(lines.size(), "record") + " " + done,
                    output + "." + suffix + ".txt", is_stream(output));
}

}  // namespace

Status list_lines(const std::vector<std::string>& lines, const std::string& what,
                  const std::string& place, bool on_stderr) {
  if (!on_stderr) remove_leftovers(place);
  if (lines.empty()) {
    if (!on_stderr) std::remove(place.c_str());  // of an earlier run
    return {};
  }
  if (on_stderr) {
    for (const std::string& line : lines) log_warning(line);
  } else {
    RELATA_CHECK(write_file_atomic(place, fmt::format("{}\n", fmt::join(lines, "\n"))));
  }
  log_warning(what + ", listed " + (on_stderr ? "above" : "in " + place));
  return {};
}

Result<std::vector<std::string>> input_files(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return std::vector<std::string>{"-"};
  if (std::count(arguments.begin(), arguments.end(), "-") > 1) {
    return usage_error("standard input cannot be two files", "give - once");
  }
  return expand_inputs(arguments);
}

std::string display_name(const std::string& path) { return path == "-" ? "stdin" : path; }

Result<std::vector<InputLine>> read_lines(const std::vector<std::string>& arguments) {
  RELATA_TRY(const std::vector<std::string> files, input_files(arguments));
  std::vector<InputLine> lines;
  for (const std::string& file : files) RELATA_CHECK(append_lines(file, lines));
  return lines;
}

Result<data::Dataset> read_dataset_file(const std::string& path, const data::ReadOptions& options) {
  // Files are listed before the first is read, and reading the others may take long.
  if (path != "-" && options.on_error != "stop" && !file_exists(path)) {
    data::Dataset nothing;
    nothing.skipped.push_back(path + ": it was removed before it was read");
    return nothing;
  }
  if (path != "-") return data::read_dataset(path, options);
  RELATA_TRY(const std::string content, read_file(path));
  return data::parse_dataset(content, display_name(path), options);
}

Result<data::Dataset> read_datasets(const std::vector<std::string>& arguments,
                                    const data::ReadOptions& options) {
  RELATA_TRY(const std::vector<std::string> files, input_files(arguments));
  data::Dataset all;
  for (const std::string& file : data::without_companions(files)) {
    RELATA_TRY(data::Dataset dataset, read_dataset_file(file, options));
    all.format = dataset.format;
    std::move(dataset.documents.begin(), dataset.documents.end(),
              std::back_inserter(all.documents));
    std::move(dataset.skipped.begin(), dataset.skipped.end(), std::back_inserter(all.skipped));
    std::move(dataset.fixed.begin(), dataset.fixed.end(), std::back_inserter(all.fixed));
    for (const auto& [kind, count] : dataset.noted) all.noted[kind] += count;
  }
  if (files.size() > 1) {
    UniqueIds ids;
    for (data::Document& document : all.documents) ids.make_unique(document);
  }
  return all;
}

Result<std::vector<data::NamedDataset>> read_dataset_parts(
    const std::vector<std::string>& arguments, const data::ReadOptions& options) {
  std::vector<data::NamedDataset> parts;
  for (const std::string& argument :
       arguments.empty() ? std::vector<std::string>{"-"} : arguments) {
    RELATA_TRY(data::Dataset dataset, read_datasets({argument}, options));
    parts.push_back({display_name(argument), std::move(dataset)});
  }
  return parts;
}

Result<int> report_skipped(const data::Dataset& dataset, const std::string& output,
                           bool given_away) {
  for (const auto& [kind, count] : dataset.noted) log_warning(fmt::format("{}: {}", kind, count));
  RELATA_CHECK(list_records(dataset.fixed, "mended", "fixed", output));
  if (!dataset.skipped.empty() && dataset.documents.empty() && !given_away) {
    return input_error(
        fmt::format("no usable record; the first problem: {}", dataset.skipped.front()));
  }
  RELATA_CHECK(list_records(dataset.skipped, "skipped", "skipped", output));
  return dataset.skipped.empty() ? kDone : kSomeFailed;
}

bool is_device(const std::string& path) {
  std::error_code ignored;
  const auto place = std::filesystem::status(path, ignored);
  return std::filesystem::exists(place) && !std::filesystem::is_regular_file(place);
}

bool is_stream(const std::string& output) {
  return output.empty() || output == "-" || is_device(output);
}

Status write_result(const std::string& output, std::string_view content) {
  if (output.empty() || output == "-") return write_stdout(content);
  remove_leftovers(output);
  return write_file_atomic(output, content);
}

Result<std::vector<int32_t>> json_ids(const Json& value, const std::string& where) {
  const Error problem =
      input_error(fmt::format("{}: token ids must be a list of whole numbers", where));
  if (!value.is_array()) return problem;
  std::vector<int32_t> ids;
  for (const Json& item : value) {
    if (!item.is_number_integer()) return problem;
    const auto id = item.get<int64_t>();
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
      return input_error(fmt::format("{}: {} is no token id", where, id));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

std::string json_line(const Json& value) { return value.dump(-1, ' ', false, kReplaceInvalid); }

std::string json_page(const Json& value) {
  return value.dump(2, ' ', false, kReplaceInvalid) + "\n";
}

std::string counted(size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string json_outline(const Json& value) {
  std::string out;
  append_outline(value, "", out);
  return out;
}

}  // namespace relata::app
