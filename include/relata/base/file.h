// Files: whole reads, atomic writes, append-only journals and read-only memory maps.
// Every error names the path and the system's reason.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata {

// The whole file, or standard input for "-". Cost: one copy of the file in memory.
Result<std::string> read_file(const std::string& path);

// Writes `content` as an AtomicFile (base/atomic_file.h): a reader sees the old content or the new,
// never a part. "-" writes to standard output. Makes missing folders.
Status write_file_atomic(const std::string& path, std::string_view content);

Status make_folders(const std::string& path);
bool file_exists(const std::string& path);

// Expands files, folders (all regular files below that are not hidden, sorted) and globs (* and ?)
// to file paths; "-" stands for standard input. An argument that matches nothing is an error.
Result<std::vector<std::string>> expand_inputs(const std::vector<std::string>& arguments);

// Append-only file whose lines are on disk when append() returns. The first append() drops a last
// line that has no newline (a write cut short by a kill); opening changes nothing, so that a file
// that turns out to be none of the caller's journals is left as it is. One holder at a time:
// opening a journal that is already open, here or in another process, is an error. A line must not
// contain a newline.
class Journal {
 public:
  static Result<Journal> open(const std::string& path);
  // The same of a journal that may be larger than memory: lines() stays empty, each whole line is
  // shown once with the byte at which it begins. An error of `visit` is that of the opening.
  using Visit = std::function<Status(std::string_view line, size_t offset)>;
  static Result<Journal> open(const std::string& path, const Visit& visit);
  // As found when opened: whole lines, and what stood behind the last newline.
  const std::vector<std::string>& lines() const { return lines_; }
  const std::string& torn() const { return torn_; }
  // The line that begins at the byte `offset`, without its newline.
  Result<std::string> line_at(size_t offset, size_t size) const;
  Status append(std::string_view line);  // without its newline

  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&& other) noexcept;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

 private:
  Journal() = default;
  Status visit_lines(const Visit& visit);
  Status drop_torn_line();
  std::string path_;
  std::vector<std::string> lines_;
  std::string torn_;
  int fd_ = -1;
  size_t size_ = 0;
};

// Read-only map of a file; shared so that tensors made from it keep it alive.
class MappedFile {
 public:
  static Result<std::shared_ptr<MappedFile>> open(const std::string& path);
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace relata
