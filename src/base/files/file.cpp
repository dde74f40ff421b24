#include "relata/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>
#include <unordered_set>

#include "files/file_calls.h"
#include "files/glob.h"
#include "relata/base/atomic_file.h"

namespace relata {
namespace {

namespace fs = std::filesystem;
using internal::Descriptor;
using internal::expand_glob;
using internal::failure_at;
using internal::folder_of;
using internal::open_retrying;
using internal::sync_file;
using internal::sync_folder;
using internal::system_error_at;
using internal::write_all;

int sync_data(int fd) {
  while (::fdatasync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

Result<std::string> read_all(int fd, const std::string& name) {
  std::string content;
  try {
    struct stat info {};
    size_t step = 1 << 16;
    if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
      step = static_cast<size_t>(info.st_size) + 1;
    }
    size_t size = 0;
    while (true) {
      if (size == content.size()) content.resize(size == 0 ? step : size + size / 2);
      const ssize_t n =
          ::read(fd, content.data() + size, std::min<size_t>(content.size() - size, 1u << 30));
      if (n < 0) {
        if (errno == EINTR) continue;
        return system_error_at(name, "read", errno);
      }
      if (n == 0) break;
      size += static_cast<size_t>(n);
    }
    content.resize(size);
  } catch (const std::bad_alloc&) {
    return resource_error(name + ": too large for this machine's memory");
  } catch (const std::length_error&) {
    return resource_error(name + ": too large for this machine's memory");
  }
  return content;
}

// Adds the regular files below `folder`, sorted, to `files`. Hidden ones are programs' own, such as
// brat's .stats_cache or what is in .git.
Status add_folder(const std::string& folder, std::vector<std::string>& files) {
  std::error_code code;
  std::vector<std::string> found;
  std::string reached = folder;
  fs::recursive_directory_iterator it(folder, code);
  while (!code && it != fs::recursive_directory_iterator()) {
    reached = it->path().string();
    std::error_code ignored;  // a dangling link is not a regular file
    const bool hidden = it->path().filename().string().starts_with('.');
    if (hidden) it.disable_recursion_pending();
    if (!hidden && it->is_regular_file(ignored)) found.push_back(reached);
    it.increment(code);
  }
  if (code) return system_error_at(reached, "list the folder", code.value());
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
  return {};
}

Status add_path(const std::string& path, std::vector<std::string>& files) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return add_folder(path, files);
  files.push_back(path);
  return {};
}

// Takes out of the files from `begin` on those that stand there already.
void drop_repeated(std::vector<std::string>& files, size_t begin) {
  std::unordered_set<std::string> seen;
  const auto repeated = [&](const std::string& file) { return !seen.insert(file).second; };
  const auto first = files.begin() + static_cast<std::ptrdiff_t>(begin);
  files.erase(std::remove_if(first, files.end(), repeated), files.end());
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input");
  const Descriptor fd(open_retrying(path, O_RDONLY));
  if (fd.get() < 0) return system_error_at(path, "read", errno);
  return read_all(fd.get(), path);
}

Status write_file_atomic(const std::string& path, std::string_view content) {
  if (path == "-") {
    const int code = write_all(STDOUT_FILENO, content);
    if (code != 0) return failure_at("standard output", "write", code);
    return {};
  }
  // Little is left of what is written at once, and a look at the folder for every small file adds
  // up.
  RELATA_TRY(AtomicFile file, AtomicFile::create(path, Leftovers::kKeep));
  RELATA_CHECK(file.write(std::as_bytes(std::span(content))));
  return file.finish();
}

Status make_folders(const std::string& path) {
  if (path.empty()) return {};
  std::error_code code;
  fs::create_directories(path, code);
  if (code) return system_error_at(path, "make the folder", code.value());
  return {};
}

bool file_exists(const std::string& path) {
  std::error_code code;
  return fs::exists(path, code);
}

Result<std::vector<std::string>> expand_inputs(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    const size_t before = files.size();
    if (argument == "-") {
      files.push_back(argument);
    } else if (file_exists(argument)) {  // before globs: names may contain * and ?
      RELATA_CHECK(add_path(argument, files));
      if (files.size() == before) {
        return usage_error(argument + ": the folder has no files", "name a folder with files");
      }
    } else if (argument.find_first_of("*?") != std::string::npos) {
      RELATA_TRY(const std::vector<std::string> paths, expand_glob(argument));
      for (const std::string& path : paths) RELATA_CHECK(add_path(path, files));
      drop_repeated(files, before);  // what a ** finds may lie in a folder that it finds
      if (files.size() == before) {
        return usage_error(argument + ": the pattern matches no file", "check the path");
      }
    } else {
      return usage_error(argument + ": no such file or folder", "check the path");
    }
  }
  return files;
}

Result<Journal> Journal::open(const std::string& path) {
  std::vector<std::string> lines;
  RELATA_TRY(Journal journal, open(path, [&](std::string_view line, size_t) {
               lines.emplace_back(line);
               return Status();
             }));
  journal.lines_ = std::move(lines);
  return journal;
}

Result<Journal> Journal::open(const std::string& path, const Visit& visit) {
  const std::string folder = folder_of(path);
  RELATA_CHECK(make_folders(folder));
  const bool is_new = !file_exists(path);
  Journal journal;
  journal.path_ = path;
  journal.fd_ = open_retrying(path, O_RDWR | O_CREAT | O_APPEND, 0666);
  if (journal.fd_ < 0) return system_error_at(path, "open", errno);
  // File systems without locks answer otherwise; there the journal works unprotected.
  if (::flock(journal.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return resource_error(path + ": another process is writing this journal",
                          "wait for it to end, or write elsewhere");
  }
  RELATA_CHECK(journal.visit_lines(visit));
  if (is_new) {
    if (const int code = sync_folder(folder)) return failure_at(path, "flush", code);
  }
  return journal;
}

// Leaves size_ behind the last whole line and the rest in torn_.
Status Journal::visit_lines(const Visit& visit) {
  constexpr size_t kPart = 1 << 20;
  while (true) {
    const size_t before = torn_.size();
    torn_.resize(before + kPart);
    const ssize_t count = ::read(fd_, torn_.data() + before, kPart);
    if (count < 0 && errno != EINTR) return failure_at(path_, "read", errno);
    torn_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return {};
    size_t begin = 0;
    for (size_t from = before, end; (end = torn_.find('\n', from)) != std::string::npos;
         from = begin = end + 1) {
      RELATA_CHECK(visit(std::string_view(torn_).substr(begin, end - begin), size_ + begin));
    }
    torn_.erase(0, begin);
    size_ += begin;
  }
}

Result<std::string> Journal::line_at(size_t offset, size_t size) const {
  std::string line(size, '\0');
  for (size_t done = 0; done < size;) {
    const ssize_t count =
        ::pread(fd_, line.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure_at(path_, "read", errno);
    if (count == 0) return resource_error(path_ + ": it became shorter while it was in use");
    done += static_cast<size_t>(count);
  }
  return line;
}

Status Journal::drop_torn_line() {
  if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) {
    return failure_at(path_, "drop the incomplete last line", errno);
  }
  torn_.clear();
  return {};
}

Status Journal::append(std::string_view line) {
  if (fd_ < 0) throw std::logic_error("Journal::append() on a moved-from journal");
  if (line.find('\n') != std::string_view::npos) {
    throw std::logic_error("Journal::append(): the line contains a newline");
  }
  if (!torn_.empty()) RELATA_CHECK(drop_torn_line());
  std::string record(line);
  record += '\n';
  int code = write_all(fd_, record);
  if (code == 0) code = sync_data(fd_);
  if (code != 0) {
    // What was written of the line must not run into the next one.
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) {
      return failure_at(path_, "undo an incomplete write", errno);
    }
    return failure_at(path_, "append", code);
  }
  size_ += record.size();
  return {};
}

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)),
      lines_(std::move(other.lines_)),
      torn_(std::move(other.torn_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_) {}

Journal& Journal::operator=(Journal&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lines_, other.lines_);
  std::swap(torn_, other.torn_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  const Descriptor fd(open_retrying(path, O_RDONLY));
  if (fd.get() < 0) return system_error_at(path, "read", errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error_at(path, "read", errno);
  if (S_ISDIR(info.st_mode)) return system_error_at(path, "read", EISDIR);
  if (!S_ISREG(info.st_mode)) {
    return resource_error(path + ": cannot map: not a regular file", "copy it to a file first");
  }
  std::shared_ptr<MappedFile> file(new MappedFile);
  if (info.st_size == 0) return file;  // mmap() refuses empty files
  const auto size = static_cast<size_t>(info.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return failure_at(path, "map", errno);
  file->data_ = static_cast<const std::byte*>(data);
  file->size_ = size;
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace relata
