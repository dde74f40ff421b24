// A file that is written piece by piece and appears under its name only when it is complete: for
// content too large to be made in memory. For the rest there is write_file_atomic() in base/file.h.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "relata/base/result.h"
#include "relata/base/temporary_file.h"

namespace relata {

// What killed writers of the same path have left beside it; finding it takes a look at the folder.
enum class Leftovers { kRemove, kKeep };
// Removes it where the path itself may not be written at all. What a living writer has stays.
void remove_leftovers(const std::string& path);

class AtomicFile {
 public:
  // A temporary file beside `path`; makes missing folders. A link is followed and stays. What is no
  // regular file, a device or a pipe, is written in place: a file of that name would be another.
  static Result<AtomicFile> create(const std::string& path,
                                   Leftovers leftovers = Leftovers::kRemove);
  Status write(std::span<const std::byte> bytes);
  // Flushes to disk and renames to `path`. Without it the destructor removes the temporary file.
  Status finish();

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

 private:
  AtomicFile(std::string path, std::string target, std::unique_ptr<TemporaryName> temporary,
             int fd);
  std::string path_;                          // as it was named
  std::string target_;                        // behind links
  std::unique_ptr<TemporaryName> temporary_;  // none where `path` is written in place
  int fd_ = -1;
};

}  // namespace relata
