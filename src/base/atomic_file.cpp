#include "relata/base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <utility>

#include "relata/base/file.h"

namespace relata {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 26;

Error failed(const std::string& path, const std::string& what) {
  const int code = errno;
  return resource_error(path + ": " + what + " this file: " + std::strerror(code),
                        code == ENOSPC ? "free some disk space" : "");
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  RELATA_CHECK(make_folders(std::filesystem::path(path).parent_path().string()));
  const std::string temporary =
      path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return failed(temporary, "cannot create");
  return AtomicFile(path, temporary, fd);
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd_, bytes.data(), std::min(bytes.size(), kWriteBytes));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed(path_, "cannot write");
    bytes = bytes.subspan(static_cast<size_t>(wrote));
  }
  return {};
}

Status AtomicFile::finish() {
  if (::fsync(fd_) != 0) return failed(path_, "cannot write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed(path_, "cannot rename to");
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) return failed(path_, "cannot close");
  // The new name itself reaches the disk with its folder.
  const auto parent = std::filesystem::path(path_).parent_path();
  const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC);
  if (folder >= 0) {
    static_cast<void>(::fsync(folder));
    ::close(folder);
  }
  return {};
}

}  // namespace relata
