// One process at a time.
#pragma once

#include <string>

#include "relata/base/result.h"

namespace relata {

// Holds PATH.lock, which is removed at the end; a killed holder's is free. Where a file system has
// no locks nothing is held.
class FileLock {
 public:
  // Error: another process holds it; `what` says what that does: "changes this index".
  static Result<FileLock> take(const std::string& path, const std::string& what);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  FileLock(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_ = -1;
};

}  // namespace relata
