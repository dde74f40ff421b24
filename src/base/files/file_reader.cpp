#include "relata/base/file_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
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
  if (path == "-") return FileReader("standard input", STDIN_FILENO, false);
  const int fd = open_retrying(path, O_RDONLY);
  if (fd < 0) return system_error_at(path, "read", errno);
  return FileReader(path, fd, true);
}

Result<size_t> FileReader::read(std::string& buffer) {
  std::array<char, size_t{64} << 10> part;
  ssize_t count;
  do {
    count = ::read(fd_, part.data(), part.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return errno == EISDIR ? system_error_at(path_, "read", errno)
                           : failure_at(path_, "read", errno);
  }
  buffer.append(part.data(), static_cast<size_t>(count));
  return static_cast<size_t>(count);
}

bool FileReader::ready() const {
  constexpr int kMoment = 20;  // milliseconds
  pollfd wanted{fd_, POLLIN, 0};
  int found;
  do {
    found = ::poll(&wanted, 1, kMoment);  // an end and an error are there to be read, too
  } while (found < 0 && errno == EINTR);
  return found > 0;
}

}  // namespace relata
