// Reads a JSON file that is one list of records, a stretch of it in each thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json_view.h"
#include "relata/base/result.h"

namespace relata::eval {

struct RecordCalls {
  // What is wrong with the record, if anything. Called for the records of one part in their order.
  std::function<std::optional<JsonProblem>(size_t part, JsonView record)> read;
  std::function<void(size_t part)> forget;  // drops the part's records: they come again
};
// Whether parts fit together is only known when all are read: a stretch begins where a record seems
// to begin, and what that was not is read again. Syntax and UTF-8 are checked. Errors are the
// file's first, with line and column. Cost: one pass.
Status walk_records(std::string_view text, const std::string& where, size_t parts,
                    const RecordCalls& calls);

// "dev.json:3:17: <what>", as walk_records() says it.
Error record_error(std::string_view text, const std::string& where, const JsonProblem& problem);

// The parts, in the file's order; some may be empty. Part::read(JsonView) returns what is wrong.
// Views of strings without escapes are valid while `text` is, all others until read() returns.
template <class Part>
Result<std::vector<Part>> read_records(std::string_view text, const std::string& where,
                                       size_t parts, const Part& empty) {
  std::vector<Part> all(parts, empty);
  RELATA_CHECK(walk_records(text, where, parts,
                            {[&](size_t part, JsonView record) { return all[part].read(record); },
                             [&](size_t part) { all[part] = empty; }}));
  return all;
}

}  // namespace relata::eval
