#include "console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string>

#include "clean.h"

namespace relata::internal {
namespace {

struct Console {
  std::mutex mutex;
  std::string bar;
};

// Never destroyed: destructors of static objects may still log.
Console& console() {
  static Console& instance = *new Console;
  return instance;
}

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // there is nowhere left to report it
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// Overwrites the bar with blanks: works on terminals that know no escape sequences.
std::string erase_bar(const Console& state) {
  if (state.bar.empty()) return "";
  std::string blanks(1, '\r');
  blanks.append(display_width(state.bar), ' ');
  blanks += '\r';
  return blanks;
}

bool is_wide(unsigned char first, unsigned char second) {
  // U+1100 and above, less the symbols and punctuation of U+2000 to U+2DFF.
  if (first == 0xE1) return second >= 0x84 && second <= 0x87;
  return first >= 0xE3 || (first == 0xE2 && second >= 0xB8);
}

}  // namespace

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = std::max<size_t>(1, utf8_sequence(text, i));
    const auto first = static_cast<unsigned char>(text[i]);
    width += length > 2 && is_wide(first, static_cast<unsigned char>(text[i + 1])) ? 2 : 1;
    i += length;
  }
  return width;
}

std::string_view cut_to_width(std::string_view text, size_t columns) {
  size_t used = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = std::max<size_t>(1, utf8_sequence(text, i));
    used += display_width(text.substr(i, length));
    if (used > columns) return text.substr(0, i);
    i += length;
  }
  return text;
}

size_t console_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void show_line(std::string_view text) {
  Console& state = console();
  const std::lock_guard<std::mutex> lock(state.mutex);
  write_stderr(erase_bar(state) + clean_text(text) + "\n" + state.bar);
}

void show_bar(std::string_view text) {
  Console& state = console();
  const std::lock_guard<std::mutex> lock(state.mutex);
  const std::string clean = clean_text(text);
  std::string out = clean.empty() ? erase_bar(state) : "\r" + clean;
  const size_t before = display_width(state.bar), now = display_width(clean);
  if (!clean.empty() && now < before) out += std::string(before - now, ' ');
  state.bar = clean;
  write_stderr(out);
}

}  // namespace relata::internal
