#include "relata/data/formats.h"

#include <algorithm>

#include "readers.h"
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

// The position after a JSON string that begins at `at`.
size_t skip_string(std::string_view content, size_t at) {
  for (++at; at < content.size() && content[at] != '"'; ++at) at += content[at] == '\\';
  return std::min(at + 1, content.size());
}

// Whether the object has as first member a list of objects that is not part of a result record.
bool begins_like_fewrel(std::string_view content) {
  const size_t key = content.find_first_not_of(kSpace, 1);
  if (key == std::string_view::npos || content[key] != '"') return false;
  const size_t end = skip_string(content, key);
  const std::string_view name = content.substr(key, end - key);
  if (name == "\"entities\"" || name == "\"relations\"") return false;
  std::string marks;
  for (size_t at = end; marks.size() < 3 && at < content.size(); ++at) {
    if (kSpace.find(content[at]) == std::string_view::npos) marks.push_back(content[at]);
  }
  return marks == ":[{" || marks == ":[]";
}

bool looks_like_cre_tsv(std::string_view content) {
  constexpr int kLinesTried = 20;
  Lines lines(content);
  int tried = 0;
  for (std::string_view line; tried < kLinesTried && lines.next(line);) {
    if (is_blank(line)) continue;
    ++tried;
    if (std::count(line.begin(), line.end(), '\t') == 3) return true;
  }
  return false;
}

Status check_options(const ReadOptions& options) {
  if (options.on_error == "stop" || options.on_error == "skip") return {};
  return usage_error("on_error is \"" + options.on_error + "\"", "write stop or skip");
}

Status check_not_empty(std::string_view content, const std::string& path) {
  if (content.find_first_not_of(kSpace) != std::string_view::npos) return {};
  return input_error(path + ": the file is empty", "give a file with at least one record");
}

}  // namespace

std::vector<FormatInfo> formats() {
  return {
      {"jsonl", "relata's own record, one JSON document a line", true, true},
      {"cre-tsv", "head, tail, relation, sentence with tabs between; one relation a line", true,
       true},
      {"cre-llm", "CRE-LLM's instruction JSON; one entity pair a record", true, true},
      {"fewrel", "FewRel's JSON: relation type to tokenized sentences", true, false},
      {"csv", "columns head, tail, relation, sentence, named in the first line", true, true},
      {"text", "plain text, one document a line", true, true},
      {"alpaca", "instruction, input, output for fine-tuning; one entity pair a record", false,
       true},
      {"sharegpt", "conversations for fine-tuning; one entity pair a record", false, true},
  };
}

Result<std::string> guess_format(std::string_view content, const std::string& path) {
  content = without_mark(content);
  RELATA_CHECK(check_not_empty(content, path));
  const std::string_view start = content.substr(content.find_first_not_of(kSpace));
  const bool json_name = path.ends_with(".json") || path.ends_with(".jsonl");
  if (start[0] == '{') return std::string(begins_like_fewrel(start) ? "fewrel" : "jsonl");
  if (start[0] == '[') {
    const std::string_view head = start.substr(0, 65536);
    if (head.find("\"input\"") != std::string_view::npos &&
        head.find("\"output\"") != std::string_view::npos) {
      return std::string("cre-llm");
    }
  }
  if (json_name) {
    return input_error(path + ": the format cannot be guessed",
                       "name it; formats that can be read: " + names_of(&FormatInfo::reads));
  }
  if (has_csv_header(start)) return std::string("csv");
  if (looks_like_cre_tsv(content) || path.ends_with(".tsv")) return std::string("cre-tsv");
  return std::string("text");
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
  const Source source{content, path};
  BadRecords bad(options, dataset);
  Status status;
  if (dataset.format == "jsonl") {
    status = read_jsonl(source, bad, dataset);
  } else if (dataset.format == "cre-tsv") {
    status = read_cre_tsv(source, bad, dataset);
  } else if (dataset.format == "cre-llm") {
    status = read_cre_llm(source, bad, dataset);
  } else if (dataset.format == "fewrel") {
    status = read_fewrel(source, bad, dataset);
  } else if (dataset.format == "csv") {
    status = read_csv(source, bad, dataset);
  } else if (dataset.format == "text") {
    status = read_text(source, options.whole_file, bad, dataset);
  } else {
    status = format_error(dataset.format, &FormatInfo::reads);
  }
  if (!status.ok()) return status.error();
  return dataset;
}

Result<std::string> write_dataset(const std::vector<Document>& documents,
                                  const WriteOptions& options) {
  if (options.format == "jsonl") return write_jsonl(documents);
  if (options.format == "cre-tsv") return write_cre_tsv(documents);
  if (options.format == "cre-llm") return write_cre_llm(documents, options.instruction);
  if (options.format == "csv") return write_csv(documents);
  if (options.format == "text") return write_text(documents);
  if (options.format == "alpaca") return write_alpaca(documents, options.instruction);
  if (options.format == "sharegpt") return write_sharegpt(documents, options.instruction);
  return format_error(options.format, &FormatInfo::writes);
}

}  // namespace relata::data
