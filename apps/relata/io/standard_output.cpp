#include "io/standard_output.h"

#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "relata/base/temporary_file.h"

namespace relata::app {
namespace {

constexpr int kBrokenPipe = 128 + SIGPIPE;

bool reader_gone = false;

Error failed_write() {
  if (errno == EPIPE) reader_gone = true;
  const std::string reason =
      errno != 0 ? std::system_category().message(errno) : "cannot be written";
  return resource_error("standard output: " + reason, "free some space, or write to another place");
}

}  // namespace

Status write_stdout(std::string_view content) {
  errno = 0;
  const size_t written = std::fwrite(content.data(), 1, content.size(), stdout);
  if (written == content.size() && std::fflush(stdout) == 0) return {};
  return failed_write();
}

Status flush_stdout() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return failed_write();
}

bool reader_has_gone() { return reader_gone; }

int end_without_reader() {
  remove_temporary_files();
  signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
  return kBrokenPipe;
}

}  // namespace relata::app
