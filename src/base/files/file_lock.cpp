#include "relata/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "relata/base/file.h"

namespace relata {
namespace {

// Whether the path still leads to the file that is open: its last holder may have removed it.
bool is_at(const std::string& path, int fd) {
  struct stat open_file {
  }, named_file{};
  return ::fstat(fd, &open_file) == 0 && ::stat(path.c_str(), &named_file) == 0 &&
         open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path, const std::string& what) {
  const std::string name = path + ".lock";
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) RELATA_CHECK(make_folders(folder));
  while (true) {
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
      return resource_error(name + ": cannot be opened: " + std::strerror(errno),
                            "choose a place that can be written to");
    }
    FileLock lock(name, fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      lock.path_.clear();  // the holder's to remove
      return resource_error(path + ": another process " + what, "wait for it to end");
    }
    if (is_at(name, fd)) return lock;
    lock.path_.clear();
  }
}

FileLock::FileLock(FileLock&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  if (!path_.empty()) ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace relata
