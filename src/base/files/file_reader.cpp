#include "relata/base/file_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "files/file_calls.h"

namespace relata {

using internal::failure_at;
using internal::open_retrying;
using internal::system_error_at;

FileReader::FileReader(std::string path, int fd, bool owned)
    : path_(std::move(path)), fd_(fd), owned_(owned) {}

FileReader::FileReader(FileReader&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), owned_(other.owned_) {}

FileReader::~FileReader() {
  if (owned_ && fd_ >= 0) ::close(fd_);
}

Result<FileReader> FileReader::open(const std::string& path) {
  if (path == "-") return FileReader(path, STDIN_FILENO, false);
  const int fd = open_retrying(path, O_RDONLY);
  if (fd < 0) return system_error_at(path, "read", errno);
  return FileReader(path, fd, true);
}

Result<size_t> FileReader::read(std::string& buffer, size_t most) {
  constexpr size_t kLargest = 1U << 30;  // the kernel takes less than 2 GiB in one call
  const size_t size = buffer.size();
  buffer.resize(size + std::min(most, kLargest));
  ssize_t count;
  do {
    count = ::read(fd_, buffer.data() + size, buffer.size() - size);
  } while (count < 0 && errno == EINTR);
  const int code = errno;
  buffer.resize(size + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0)
    return code == EISDIR ? system_error_at(path_, "read", code) : failure_at(path_, "read", code);
  return static_cast<size_t>(count);
}

bool FileReader::ready() const {
  pollfd wanted{fd_, POLLIN, 0};
  // An end and an error are there to be read, too.
  return ::poll(&wanted, 1, 0) != 0;
}

}  // namespace relata
