// JSON files of records: a list of objects, or one object after the other (JSONL, also when a
// record goes over several lines). Records are parsed one at a time and errors name the place:
// "dev.json:1: record 17: labels[3].h is 99, the list has 12 entries".
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "reading.h"
#include "relata/base/json_view.h"

namespace relata::data {

// One record while it is read. The getters' errors are fail() with the field's name.
class JsonRecord {
 public:
  JsonRecord(const Source& source, JsonView root, size_t number, size_t line, bool listed)
      : source_(source), root_(root), number_(number), line_(line), listed_(listed) {}

  JsonView root() const { return root_; }
  size_t number() const { return number_; }  // in the file, from 1
  size_t line() const { return line_; }      // on which it begins
  std::string where() const;                 // "dev.json:1: record 17" or "dev.jsonl:17"
  // "<where>: <field> <problem>"; the line is that of the field.
  Error fail(JsonView field, std::string_view problem, std::string hint = "") const;

  // A member that must be there; `get` also names its type.
  Result<JsonView> get(JsonView object, std::string_view key) const;
  Result<std::string_view> get_text(JsonView object, std::string_view key) const;
  Result<JsonView> get_list(JsonView object, std::string_view key) const;
  Result<JsonView> get_object(JsonView object, std::string_view key) const;
  // A whole number in [0, limit).
  Result<size_t> get_index(JsonView object, std::string_view key, size_t limit) const;
  // A member that may be missing or null: an absent view, "". Where it is missing, one whose name
  // is a slip away ("relatons") is an error, unless it is among `others`, which the format has as
  // well.
  using Names = std::initializer_list<std::string_view>;
  Result<JsonView> find(JsonView object, std::string_view key, Names others = {}) const;
  Result<JsonView> find_list(JsonView object, std::string_view key, Names others = {}) const;
  Result<std::string_view> find_text(JsonView object, std::string_view key) const;

  // The value itself.
  Result<std::string_view> as_text(JsonView value) const;
  Result<size_t> as_index(JsonView value, size_t limit) const;
  Status check_list(JsonView value, size_t size) const;  // a list of exactly `size` values
  Status check_object(JsonView value) const;
  // Text or a number as text: ids come as both.
  Result<std::string> as_id(JsonView value) const;

 private:
  Error missing(JsonView object, std::string_view key, std::string_view type) const;
  const Source& source_;
  JsonView root_;
  size_t number_;
  size_t line_;
  bool listed_;
};

using ReadRecord = std::function<Status(const JsonRecord&)>;

// Calls `read` for every record. What is broken, or what `read` refuses, goes to the intake; after
// broken JSON the next record is looked for at its brackets, or on the next line.
Status read_json_records(const Source& source, Intake& intake, const ReadRecord& read);
// Calls `read` once with the whole file as one value.
Status read_json_value(const Source& source, const ReadRecord& read);

}  // namespace relata::data
