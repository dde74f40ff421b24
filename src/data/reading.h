// What the readers share: lines, places in error messages, and what happens to bad records.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/data/formats.h"

namespace relata::data {

// A file's content and the name that error messages give it.
struct Source {
  std::string_view content;
  std::string path;

  std::string at(size_t line) const { return path + ":" + std::to_string(line); }
  std::string stem() const;  // "data/train.txt": "train"; begins document ids
};

// The lines of a text without their LF or CRLF.
class Lines {
 public:
  explicit Lines(std::string_view content) : content_(content) {}
  bool next(std::string_view& line);
  size_t number() const { return number_; }  // of the last line, from 1

 private:
  std::string_view content_;
  size_t position_ = 0;
  size_t number_ = 0;
};

bool is_blank(std::string_view line);

// Passes the error on, or with on_error=skip notes it and lets the reader go on.
class BadRecords {
 public:
  BadRecords(const ReadOptions& options, Dataset& dataset)
      : skip_(options.on_error == "skip"), dataset_(dataset) {}
  Status add(const Error& error);

 private:
  bool skip_;
  Dataset& dataset_;
};

// `text` begins at line `first_line` of the file.
Status check_utf8(std::string_view text, const Source& source, size_t first_line = 1);

// Lines on which the values at nesting depth `depth` of valid JSON begin, in file order. Array
// elements and member values count; keys do not.
std::vector<size_t> value_lines(std::string_view json, int depth);

}  // namespace relata::data
