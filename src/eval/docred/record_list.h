// Reads a JSON file that is one list of records; threads share its stretches.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json_view.h"
#include "relata/base/parallel.h"
#include "relata/base/result.h"

namespace relata::eval {

constexpr size_t kBytesOfPart = size_t{1} << 18;  // of a file, to be worth one

// A part of the list that is read by itself.
struct Stretch {
  size_t begin = 0;                         // of its first record
  size_t limit = std::string_view::npos;    // no record of it begins here or later
  size_t end = 0;                           // where reading stopped: a record, or behind the list
  bool closed = false;                      // the list ended
  std::optional<JsonProblem> problem = {};  // its first
};

class StretchReader {
 public:
  StretchReader(std::string_view text, Stretch& stretch)
      : text_(text), stretch_(stretch), checked_(stretch.begin) {
    stretch_.end = stretch.begin;
  }
  // The next record, valid until the next call; absent at the end and at a problem. Syntax and
  // UTF-8 are checked, the latter in larger pieces: bad UTF-8 may be found some records later.
  JsonView next();
  // What is wrong with the last record.
  void fail(JsonProblem problem);

 private:
  bool pass_comma();
  bool check_utf8(size_t end);

  std::string_view text_;
  Stretch& stretch_;
  JsonParser parser_;
  size_t checked_;  // where UTF-8 was not yet looked at
  bool begun_ = false;
};

struct StretchCalls {
  std::function<void(size_t part, Stretch& stretch)> read;
  std::function<void(size_t part)> forget;  // drops the part's records: they come again
};
// Whether parts fit together is only known when all are read: a stretch begins where a record seems
// to begin, and what that was not is read again. Errors are the file's first, with line and column.
// Cost: one pass.
Status walk_list(std::string_view text, const std::string& where, size_t parts,
                 const StretchCalls& calls);

// "dev.json:3:17: <what>", as walk_list() says it.
Error record_error(std::string_view text, const std::string& where, const JsonProblem& problem);

// The parts, in the file's order; some may be empty. Part::read(JsonView) returns what is wrong.
// Views of strings without escapes are valid while `text` is, all others until read() returns.
template <class Part>
Result<std::vector<Part>> read_records(std::string_view text, const std::string& where,
                                       size_t parts, const Part& empty) {
  std::vector<Part> all(parts, empty);
  const auto read = [&](size_t part, Stretch& stretch) {
    StretchReader reader(text, stretch);
    while (const JsonView record = reader.next()) {
      if (auto problem = all[part].read(record)) return reader.fail(*std::move(problem));
    }
  };
  RELATA_CHECK(walk_list(text, where, parts, {read, [&](size_t part) { all[part] = empty; }}));
  return all;
}

}  // namespace relata::eval
