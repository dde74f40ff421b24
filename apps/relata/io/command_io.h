// Reading inputs and writing results, the same way in every verb.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/data/formats.h"
#include "relata/data/stats.h"

namespace relata::app {

// The files that INPUT arguments stand for; no arguments mean standard input.
Result<std::vector<std::string>> input_files(const std::vector<std::string>& arguments);

// How messages call a file: "-" is "stdin".
std::string display_name(const std::string& path);

struct InputLine {
  std::string text;
  std::string where;  // "requests.jsonl:12"
  int64_t number;     // 12
};
// All lines that are not blank; a carriage return before the newline is dropped. Invalid UTF-8 is
// an error.
Result<std::vector<InputLine>> read_lines(const std::vector<std::string>& arguments);

Result<data::Dataset> read_dataset_file(const std::string& path, const data::ReadOptions& options);

// The documents of all files, read one after the other.
Result<data::Dataset> read_datasets(const std::vector<std::string>& arguments,
                                    const data::ReadOptions& options);

// The documents of each argument, a file or a folder, under its name.
Result<std::vector<data::NamedDataset>> read_dataset_parts(
    const std::vector<std::string>& arguments, const data::ReadOptions& options);

// Tells about skipped records: in OUTPUT.skipped.txt when there is an output file, else on stderr.
// A list of an earlier run is removed where there is nothing to list.
// The exit code of a run that skipped these; an error when nothing at all was read. `given_away`:
// there were documents, which the data set has no more.
Result<int> report_skipped(const data::Dataset& dataset, const std::string& output,
                           bool given_away = false);

// Whether there is something at the path that is no file, such as a device or a pipe: nothing can
// lie beside it. A place that cannot be looked at is reported when it is written.
bool is_device(const std::string& path);
// Whether it is standard output or a device: lists about a result then go to stderr.
bool is_stream(const std::string& output);

// To the file (atomically), or to standard output for "" and "-".
Status write_result(const std::string& output, std::string_view content);

// A JSON list of token ids; `where` begins the error message.
Result<std::vector<int32_t>> json_ids(const Json& value, const std::string& where);

// One line or a readable page; invalid UTF-8 becomes U+FFFD.
std::string json_line(const Json& value);
std::string json_page(const Json& value);

// "1 record", "2 records".
std::string counted(size_t count, const std::string& noun);
// Lists lines about parts of a result: in the file `place`, or, `on_stderr`, as warnings. A warning
// says `what` they are ("3 records skipped") and where. Without lines an earlier run's file goes.
Status list_lines(const std::vector<std::string>& lines, const std::string& what,
                  const std::string& place, bool on_stderr);

// Nested "key: value" lines of a JSON object, for people.
std::string json_outline(const Json& value);

}  // namespace relata::app
