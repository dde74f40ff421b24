// What the readers share: lines, places in error messages, and what happens to bad records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "label_check.h"
#include "relata/data/formats.h"

namespace relata::data {

// A file's content, or a part of it that begins with line `first_line`, and the name that error
// messages give it.
struct Source {
  Source(std::string_view file_content, std::string file_path, size_t line = 1);

  std::string_view content;
  std::string path;
  size_t first_line;

  std::string at(size_t line) const { return path + ":" + std::to_string(line); }
  const std::string& stem() const { return stem_; }  // "data/train.txt": "train"; begins ids

 private:
  std::string stem_;
};

// The lines of a text without their LF or CRLF; CR alone ends lines where there is no LF at all.
class Lines {
 public:
  explicit Lines(std::string_view content)
      : content_(content), end_(content.find('\n') == std::string_view::npos ? '\r' : '\n') {}
  // The lines before a later part of a file ended in LF.
  explicit Lines(const Source& source) : Lines(source.content) {
    number_ = source.first_line - 1;
    if (number_ > 0) end_ = '\n';
  }
  bool next(std::string_view& line);
  size_t number() const { return number_; }  // of the last line, from 1 or the source's first

 private:
  std::string_view content_;
  char end_;
  size_t position_ = 0;
  size_t number_ = 0;
};

bool is_blank(std::string_view line);

// What a reader hands over: good documents, and bad records, which stop the reading, or with
// on_error=skip or fix are noted and left out.
class Intake {
 public:
  Intake(const ReadOptions& options, Dataset& dataset);

  // Passes the error on, or notes it and lets the reader go on.
  Status reject(const Error& error);
  // Whether the reader should mend what is safe to mend; it then calls note_fix().
  bool fixes() const { return fixes_; }
  void note_fix(const std::string& where, const std::string& what);
  // One more of what a user should know of, though nothing is wrong with it (Dataset::noted).
  void count(const std::string& kind) { ++dataset_.noted[kind]; }
  // Adds the document. Labels that are not in the options' schema are an error, and so is an id
  // that an earlier document has, unless the options have it numbered or mended.
  Status add(Document document, const std::string& where);
  size_t size() const { return dataset_.documents.size(); }
  // Of a file that is read in parts: the one before ended in something broken, behind which no
  // record was found to begin again.
  bool lost() const { return lost_; }
  void set_lost(bool lost) { lost_ = lost; }

 private:
  Status check_labels(Document& document, const std::string& where);

  bool skips_;
  bool fixes_;
  bool numbers_ids_;
  bool lost_ = false;
  std::optional<LabelCheck> labels_;
  Dataset& dataset_;
  std::unordered_map<std::string, size_t> ids_;  // how many documents have had this id
};

// The error with the middle of a very long message left out: a message may quote a field of any
// size.
Error shortened(Error error);

// `text` begins at line `first_line` of the file.
Status check_utf8(std::string_view text, const Source& source, size_t first_line = 1);
// The error for the invalid sequence at `offset` of the source, which is on line `line`.
Error utf8_error(const Source& source, size_t offset, size_t line);
// The same where it is known at which offset the line begins.
Error utf8_error(const Source& source, size_t offset, size_t line, size_t line_begin);

// The occurrence of `stated` in `text` that is nearest to `range`, if there is any: mends offsets
// that are a little off. Null if two are equally near.
std::optional<ByteRange> nearest_occurrence(const std::string& text, const std::string& stated,
                                            ByteRange range);
// `range` without the white space at its ends.
ByteRange trimmed(std::string_view text, ByteRange range);

}  // namespace relata::data
