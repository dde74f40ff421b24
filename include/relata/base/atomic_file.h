// A file that is written piece by piece and appears under its name only when it is complete: for
// content too large to be made in memory. For the rest there is write_file_atomic() in base/file.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "relata/base/result.h"

namespace relata {

class AtomicFile {
 public:
  // A temporary file beside `path`; makes missing folders.
  static Result<AtomicFile> create(const std::string& path);
  Status write(std::span<const std::byte> bytes);
  // Flushes to disk and renames to `path`. Without it the destructor removes the temporary file.
  Status finish();

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  std::string path_;
  std::string temporary_;
  int fd_ = -1;
};

}  // namespace relata
