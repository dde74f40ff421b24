#include "files/file_calls.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace relata::internal {
namespace {

std::string hint_for(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or write to another folder";
    case EFBIG:
      return "raise the limit on file sizes (ulimit -f), or use a file system for large files";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions of the file and of its folder";
    case ENOENT:
    case ENOTDIR:
      return "check the path";
    case EISDIR:
      return "name a file, not a folder";
    case ENAMETOOLONG:
      return "use a shorter name";
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (ulimit -n)";
    default:
      return "";
  }
}

bool names_no_file(int code) {
  return code == ENOENT || code == ENOTDIR || code == EISDIR || code == ENAMETOOLONG;
}

}  // namespace

Error system_error_at(const std::string& path, const std::string& action, int code) {
  Error error = failure_at(path, action, code);
  if (names_no_file(code)) error.code = ErrorCode::kUsage;
  return error;
}

Error failure_at(const std::string& path, const std::string& action, int code) {
  return resource_error(path + ": cannot " + action + ": " + std::system_category().message(code),
                        hint_for(code));
}

int open_retrying(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    // The kernel takes at most 2 GiB less a page in one call.
    const ssize_t n = ::write(fd, content.data(), std::min<size_t>(content.size(), 1u << 30));
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    content.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

int sync_file(int fd) {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int sync_folder(const std::string& folder) {
  const Descriptor fd(open_retrying(folder, O_RDONLY | O_DIRECTORY));
  if (fd.get() < 0) {
    // A folder that may be written but not listed cannot be flushed by its name.
    return errno == EACCES ? 0 : errno;
  }
  const int code = sync_file(fd.get());
  // Some network file systems have no fsync for folders.
  return code == EINVAL || code == ENOTSUP ? 0 : code;
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace relata::internal
