// System calls on files, tried again where a signal interrupted them, and their errors in words.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "relata/base/result.h"

namespace relata::internal {

// "PATH: cannot ACTION: reason", with a hint where there is something to do about it. A path that
// is not there, or is no file, is the wrong one (kUsage); anything else is a resource that failed.
Error system_error_at(const std::string& path, const std::string& action, int code);
// The same for what was open already: its path was right, whatever became of it (kResource).
Error failure_at(const std::string& path, const std::string& action, int code);

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  // The error of close(), where some file systems report a failed write; 0 when all went well.
  int close_now() { return ::close(release()) == 0 || errno == EINTR ? 0 : errno; }

 private:
  int fd_;
};

int open_retrying(const std::string& path, int flags, mode_t mode = 0);

// These return 0, or the errno of the failure.
int write_all(int fd, std::string_view content);
int sync_file(int fd);
int sync_folder(const std::string& folder);

// "." for a name alone.
std::string folder_of(const std::string& path);

}  // namespace relata::internal
