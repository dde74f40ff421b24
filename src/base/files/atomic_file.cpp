#include "relata/base/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "files/file_calls.h"
#include "relata/base/file.h"

namespace relata {
namespace {

namespace fs = std::filesystem;
using internal::Descriptor;
using internal::failure_at;
using internal::folder_of;
using internal::open_retrying;
using internal::system_error_at;

struct Target {
  std::string path;
  bool in_place = false;
  std::optional<mode_t> mode;  // of the file that is replaced
};

// Renaming onto a link would put a file in its place.
Result<std::string> behind_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // that the kernel follows
  fs::path place = path;
  std::error_code code;
  for (int links = 0; fs::is_symlink(place, code); ++links) {
    if (links == kMostLinks) return system_error_at(path, "write", ELOOP);
    place = place.parent_path() / fs::read_symlink(place, code);
    if (code) return system_error_at(path, "write", code.value());
  }
  return place.string();
}

Result<Target> find_target(const std::string& path) {
  // By the name that was given: /dev/fd/63 is a link to a pipe, whose own name leads nowhere.
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  const bool names_folder = path.ends_with('/');  // a new one would be made, and no file in it
  if (names_folder || (exists && S_ISDIR(info.st_mode))) {
    return system_error_at(path, "write", EISDIR);
  }
  if (exists && !S_ISREG(info.st_mode)) return Target{path, true, std::nullopt};
  Target target;
  RELATA_TRY(target.path, behind_links(path));
  if (exists) target.mode = info.st_mode & 07777;
  return target;
}

// Beside the target, and short enough where that has a name of the greatest length.
std::string temporary_stem(const std::string& target) {
  constexpr size_t kLongestName = 200;
  return fs::path(target).filename().string().substr(0, kLongestName) + ".tmp.";
}

// The process in the name of a temporary file, STEM.PROCESS.NUMBER.
std::optional<pid_t> writer_of(std::string_view name, std::string_view stem) {
  if (!name.starts_with(stem)) return std::nullopt;
  name.remove_prefix(stem.size());
  const size_t dot = name.find('.');
  const std::string_view number = dot == name.npos ? "" : name.substr(dot + 1);
  if (number.empty() || number.find_first_not_of("0123456789") != number.npos) return std::nullopt;
  pid_t writer = 0;
  const auto [end, code] = std::from_chars(name.data(), name.data() + dot, writer);
  if (code != std::errc() || end != name.data() + dot || writer <= 0) return std::nullopt;
  return writer;
}

// A living writer has the file locked: it may be of another machine, or of this very process, whose
// number a killed one had before.
bool is_left(const std::string& file, pid_t writer) {
  if (writer != ::getpid() && (::kill(writer, 0) == 0 || errno == EPERM)) return false;
  const Descriptor fd(open_retrying(file, O_RDWR));
  return fd.get() >= 0 && (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
}

// What cannot be removed is in nobody's way.
void remove_left(const std::string& folder, const std::string& stem) {
  std::error_code code;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    const auto writer = writer_of(it->path().filename().string(), stem);
    if (writer && is_left(it->path().string(), *writer)) ::unlink(it->path().c_str());
  }
}

}  // namespace

void remove_leftovers(const std::string& path) {
  const auto target = find_target(path);
  if (!target.ok() || target->in_place) return;
  remove_left(folder_of(target->path), temporary_stem(target->path));
}

Result<AtomicFile> AtomicFile::create(const std::string& path, Leftovers leftovers) {
  RELATA_TRY(Target target, find_target(path));
  if (target.in_place) {
    const int fd = open_retrying(path, O_WRONLY);
    if (fd < 0) return system_error_at(path, "write", errno);
    return AtomicFile(path, path, nullptr, fd);
  }
  const std::string folder = folder_of(target.path);
  const std::string stem = temporary_stem(target.path);
  RELATA_CHECK(make_folders(folder));
  if (leftovers == Leftovers::kRemove) remove_left(folder, stem);

  static std::atomic<unsigned> counter{0};
  std::string temporary;
  int fd = -1;
  do {
    temporary = folder + "/" + stem + std::to_string(::getpid()) + "." +
                std::to_string(counter.fetch_add(1));
    fd = open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0) return system_error_at(path, "write", errno);
  AtomicFile file(path, target.path, std::make_unique<TemporaryName>(temporary), fd);
  ::flock(fd, LOCK_EX | LOCK_NB);  // for is_left(); some file systems have no locks
  if (target.mode && ::fchmod(fd, *target.mode) != 0) return system_error_at(path, "write", errno);
  return file;
}

AtomicFile::AtomicFile(std::string path, std::string target,
                       std::unique_ptr<TemporaryName> temporary, int fd)
    : path_(std::move(path)),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  const int code =
      internal::write_all(fd_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return code == 0 ? Status() : Status(failure_at(path_, "write", code));
}

Status AtomicFile::finish() {
  int code = temporary_ == nullptr ? 0 : internal::sync_file(fd_);
  Descriptor fd(std::exchange(fd_, -1));
  if (const int close_code = fd.close_now(); code == 0) code = close_code;
  if (code != 0) return failure_at(path_, "write", code);
  if (temporary_ == nullptr) return {};
  if (::rename(temporary_->path().c_str(), target_.c_str()) != 0) {
    return failure_at(path_, "write", errno);
  }
  temporary_.reset();
  // The new name itself reaches the disk with its folder.
  code = internal::sync_folder(folder_of(target_));
  return code == 0 ? Status() : Status(failure_at(path_, "flush the folder", code));
}

}  // namespace relata
