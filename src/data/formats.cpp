#include "relata/data/formats.h"

#include <algorithm>

#include "registry.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"

namespace relata::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_mark(std::string_view content) {
  if (content.starts_with(kByteOrderMark)) content.remove_prefix(kByteOrderMark.size());
  return content;
}

std::string names_of(bool FormatInfo::*able) {
  std::string names;
  for (const FormatInfo& info : formats()) {
    if (info.*able) names += (names.empty() ? "" : ", ") + info.name;
  }
  return names;
}

Error format_error(const std::string& format, bool FormatInfo::*able) {
  std::vector<std::string> known;
  for (const FormatInfo& info : formats()) known.push_back(info.name);
  const std::string verb = able == &FormatInfo::reads ? "read" : "written";
  const bool exists = std::find(known.begin(), known.end(), format) != known.end();
  const auto near = exists ? std::nullopt : nearest_name(format, known);
  return usage_error(
      exists ? "the format " + format + " cannot be " + verb
             : "unknown format \"" + format + "\"" + (near ? "; did you mean " + *near + "?" : ""),
      "formats that can be " + verb + ": " + names_of(able));
}

Status check_options(const ReadOptions& options) {
  if (options.on_error == "stop" || options.on_error == "skip" || options.on_error == "fix") {
    return {};
  }
  return usage_error("on_error is \"" + options.on_error + "\"", "write stop, skip or fix");
}

Status check_not_empty(std::string_view content, const std::string& path) {
  if (content.find_first_not_of(kSpace) != std::string_view::npos) return {};
  return input_error(path + ": the file is empty", "give a file with at least one record");
}

}  // namespace

std::vector<FormatInfo> formats() {
  std::vector<FormatInfo> infos;
  for (const FormatEntry& entry : format_registry()) infos.push_back(entry.info);
  return infos;
}

Result<std::string> guess_format(std::string_view content, const std::string& path) {
  content = without_mark(content);
  RELATA_CHECK(check_not_empty(content, path));
  const Sample sample(content, path);
  for (const FormatEntry& entry : format_registry()) {
    if (entry.sniff && entry.sniff(sample)) return entry.info.name;
  }
  return input_error(path + ": the format cannot be guessed",
                     "name it; formats that can be read: " + names_of(&FormatInfo::reads));
}

Result<Dataset> read_dataset(const std::string& path, const ReadOptions& options) {
  RELATA_CHECK(check_options(options));
  RELATA_TRY(const std::string content, read_file(path));
  return parse_dataset(content, path, options);
}

Result<Dataset> parse_dataset(std::string_view content, const std::string& path,
                              const ReadOptions& options) {
  RELATA_CHECK(check_options(options));
  content = without_mark(content);
  RELATA_CHECK(check_not_empty(content, path));
  Dataset dataset;
  dataset.format = options.format;
  if (dataset.format.empty()) {
    RELATA_TRY(dataset.format, guess_format(content, path));
  }
  const FormatEntry* format = find_format(dataset.format);
  if (!format || !format->read) return format_error(dataset.format, &FormatInfo::reads);
  Intake intake(options, dataset);
  RELATA_CHECK(format->read({content, path}, options, intake));
  return dataset;
}

Result<std::string> write_dataset(const std::vector<Document>& documents,
                                  const WriteOptions& options, std::vector<std::string>* lost) {
  const FormatEntry* format = find_format(options.format);
  if (!format || !format->write) return format_error(options.format, &FormatInfo::writes);
  Losses losses;
  if (lost) count_losses(documents, format->holds, losses);
  RELATA_TRY(std::string content, format->write(documents, options, losses));
  if (lost) {
    for (const auto& [kind, count] : losses) lost->push_back(std::to_string(count) + " " + kind);
  }
  return content;
}

}  // namespace relata::data
