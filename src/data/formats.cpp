#include "relata/data/formats.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "encoding.h"
#include "registry.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

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

Status check_not_empty(std::string_view content, const std::string& path) {
  if (content.find_first_not_of(kSpace) != std::string_view::npos) return {};
  return input_error(path + ": the file is empty", "give a file with at least one record");
}

void report(const Losses& losses, std::vector<std::string>* lost) {
  if (!lost) return;
  for (const auto& [kind, count] : losses) {
    if (count > 0) lost->push_back(std::to_string(count) + " " + kind);
  }
}

Error unknown_form(const Sample& sample) {
  std::string problem = sample.path + ": the format cannot be guessed";
  if (sample.holds_objects && !sample.keys.empty()) {
    constexpr size_t kMostKeys = 8;
    const size_t shown = std::min(sample.keys.size(), kMostKeys);
    problem += "; no format that is known has records with ";
    for (size_t i = 0; i < shown; ++i) problem += (i ? ", \"" : "\"") + sample.keys[i] + "\"";
    if (shown < sample.keys.size()) problem += ", ...";
  } else if (sample.ending() == "csv") {
    problem += "; its first line does not name the columns head, tail, relation and sentence";
  }
  return input_error(problem,
                     "name it (\"text\" reads anything as plain text); formats that can be "
                     "read: " +
                         names_of(&FormatInfo::reads));
}

// `content` is UTF-8 without mark.
Result<std::string> guess(std::string_view content, const std::string& path) {
  const Sample sample(content, path);
  if (sample.head.empty()) {
    for (const FormatEntry& entry : format_registry()) {
      if (entry.may_be_empty && entry.sniff && entry.sniff(sample)) return entry.info.name;
    }
  }
  RELATA_CHECK(check_not_empty(content, path));
  for (const FormatEntry& entry : format_registry()) {
    if (entry.sniff && entry.sniff(sample)) return entry.info.name;
  }
  return unknown_form(sample);
}

// The format of a file that is no text; null for a text file.
const FormatEntry* binary_format(std::string_view bytes, const std::string& path,
                                 const std::string& named) {
  if (!named.empty()) {
    const FormatEntry* entry = find_format(named);
    return entry && entry->is_binary ? entry : nullptr;
  }
  const Sample sample(bytes, path);
  for (const FormatEntry& entry : format_registry()) {
    if (entry.is_binary && entry.sniff(sample)) return &entry;
  }
  return nullptr;
}

Status read_binary(const FormatEntry& format, std::string_view bytes, const std::string& path,
                   const ReadOptions& options, Dataset& dataset) {
  dataset.format = format.info.name;
  RELATA_CHECK(check_not_empty(bytes, path));
  Intake intake(options, dataset);
  return format.read({bytes, path}, options, intake);
}

Status read_text_format(std::string_view content, const std::string& path,
                        const ReadOptions& options, Dataset& dataset) {
  std::string converted;
  RELATA_TRY(content, as_utf8(content, path, converted));
  dataset.format = options.format;
  if (dataset.format.empty()) {
    RELATA_TRY(dataset.format, guess(content, path));
  }
  RELATA_CHECK(check_readable(dataset.format));
  const FormatEntry* format = find_format(dataset.format);
  if (!format->may_be_empty) RELATA_CHECK(check_not_empty(content, path));
  Intake intake(options, dataset);
  return format->read({content, path}, options, intake);
}

}  // namespace

Status check_options(const ReadOptions& options) {
  if (options.on_error == "stop" || options.on_error == "skip" || options.on_error == "fix") {
    return {};
  }
  return usage_error("on_error is \"" + options.on_error + "\"", "write stop, skip or fix");
}

Status check_readable(const std::string& format) {
  const FormatEntry* entry = find_format(format);
  if (entry && entry->read) return {};
  return format_error(format, &FormatInfo::reads);
}

std::vector<FormatInfo> formats() {
  std::vector<FormatInfo> infos;
  for (const FormatEntry& entry : format_registry()) infos.push_back(entry.info);
  return infos;
}

Result<std::string> guess_format(std::string_view content, const std::string& path) {
  if (const FormatEntry* binary = binary_format(content, path, "")) return binary->info.name;
  std::string converted;
  RELATA_TRY(content, as_utf8(content, path, converted));
  return guess(content, path);
}

Result<Dataset> read_dataset(const std::string& path, const ReadOptions& options) {
  RELATA_CHECK(check_options(options));
  RELATA_TRY(const std::string content, read_file(path));
  return parse_dataset(content, path, options);
}

Result<Dataset> parse_dataset(std::string_view content, const std::string& path,
                              const ReadOptions& options) {
  RELATA_CHECK(check_options(options));
  Dataset dataset;
  const FormatEntry* binary = binary_format(content, path, options.format);
  const Status status = binary ? read_binary(*binary, content, path, options, dataset)
                               : read_text_format(content, path, options, dataset);
  if (status.ok()) return dataset;
  Error error = shortened(status.error());
  // A file that is bad as a whole is one bad record.
  const bool skips = options.on_error != "stop" && error.code == ErrorCode::kBadInput &&
                     dataset.documents.empty() && dataset.skipped.empty();
  if (!skips) return error;
  dataset.skipped.push_back(error.message);
  return dataset;
}

Result<std::string> write_dataset(const std::vector<Document>& documents,
                                  const WriteOptions& options, std::vector<std::string>* lost) {
  const FormatEntry* format = find_format(options.format);
  if (format && format->write_files) {
    return usage_error("the format " + options.format + " is a folder of files",
                       "name a folder to write it to");
  }
  if (!format || !format->write) return format_error(options.format, &FormatInfo::writes);
  Losses losses;
  if (lost) count_losses(documents, *format, losses);
  RELATA_TRY(std::string content, format->write(documents, options, losses));
  report(losses, lost);
  return as_file(std::move(content));
}

bool writes_folder(const std::string& format) {
  const FormatEntry* entry = find_format(format);
  return entry && entry->write_files;
}

Result<std::vector<DatasetFile>> write_dataset_files(const std::vector<Document>& documents,
                                                     const WriteOptions& options,
                                                     std::vector<std::string>* lost) {
  if (!writes_folder(options.format)) return format_error(options.format, &FormatInfo::writes);
  const FormatEntry* format = find_format(options.format);
  Losses losses;
  if (lost) count_losses(documents, *format, losses);
  std::vector<DatasetFile> files = format->write_files(documents, losses);
  for (DatasetFile& file : files) file.content = as_file(std::move(file.content));
  report(losses, lost);
  return files;
}

std::vector<std::string> without_companions(const std::vector<std::string>& files) {
  const auto stem_of = [](const std::string& file) { return file.substr(0, file.size() - 4); };
  const auto folder_of = [](const std::string& file) {
    return file.substr(0, file.find_last_of('/') + 1);
  };
  std::unordered_set<std::string> stems;
  std::unordered_set<std::string> folders;
  for (const std::string& file : files) {
    if (!file.ends_with(".ann")) continue;
    stems.insert(stem_of(file));
    folders.insert(folder_of(file));
  }
  std::vector<std::string> kept;
  for (const std::string& file : files) {
    const bool text = file.ends_with(".txt") && stems.contains(stem_of(file));
    const bool settings = file.ends_with(".conf") && folders.contains(folder_of(file));
    if (!text && !settings) kept.push_back(file);
  }
  return kept;
}

}  // namespace relata::data
