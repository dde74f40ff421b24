#include "relata/base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <system_error>

#include "clean.h"
#include "console.h"
#include "files/file_calls.h"
#include "relata/base/file.h"

namespace relata {
namespace {

struct Log {
  std::atomic<LogLevel> level{LogLevel::kNormal};
  std::mutex mutex;  // keeps the order of lines the same on stderr and in the file
  int fd = -1;
};

// Never destroyed: destructors of static objects may still log.
Log& log_state() {
  static Log& instance = *new Log;
  return instance;
}

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

void log_line(std::string_view kind, const std::string& shown, const std::string& message,
              bool visible) {
  Log& log = log_state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  if (visible) internal::show_line(shown);
  if (log.fd < 0) return;
  const std::string line =
      timestamp() + " " + std::string(kind) + " " + internal::clean_text(message) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(log.fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string reason = std::system_category().message(errno);
      ::close(log.fd);
      log.fd = -1;
      internal::show_line("warning: cannot write the log file any more: " + reason);
      return;
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

void set_log_level(LogLevel level) { log_state().level = level; }

Status set_log_file(const std::string& path) {
  int fd = -1;
  if (!path.empty()) {
    RELATA_CHECK(make_folders(std::filesystem::path(path).parent_path().string()));
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
      Error error = internal::system_error_at(path, "open the log file", errno);
      error.hint = "choose another log file";
      return error;
    }
  }
  Log& log = log_state();
  const std::lock_guard<std::mutex> lock(log.mutex);
  if (log.fd >= 0) ::close(log.fd);
  log.fd = fd;
  return {};
}

void log_info(const std::string& message) {
  log_line("info", message, message, log_state().level != LogLevel::kQuiet);
}

void log_warning(const std::string& message) {
  log_line("warning", "warning: " + message, message, true);
}

void log_debug(const std::string& message) {
  log_line("debug", message, message, log_state().level == LogLevel::kVerbose);
}

void log_error(const std::string& message) { log_line("error", message, message, false); }

}  // namespace relata
