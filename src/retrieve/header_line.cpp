#include "header_line.h"

#include <charconv>

#include "relata/base/hash.h"

namespace relata::retrieve {
namespace {

constexpr size_t kSizeDigits = 16;
constexpr size_t kHashLetters = 64;
constexpr size_t kAlignment = 64;
constexpr uint64_t kMostHeader = 1 << 20;

size_t line_bytes(const FileKind& kind) {
  return kind.magic.size() + kind.version.size() + kSizeDigits + 1 + kHashLetters + 1;
}

std::string digits(uint64_t number) {
  std::string out(kSizeDigits, '0');
  const std::string plain = std::to_string(number);
  out.replace(kSizeDigits - plain.size(), plain.size(), plain);
  return out;
}

std::string make_again(const FileKind& kind) {
  return std::string("make it again: ") + kind.made_by;
}

}  // namespace

Error damaged_file(const FileKind& kind, const std::string& path, const std::string& what) {
  return input_error(path + ": damaged: " + what, make_again(kind));
}

std::string with_header_line(const FileKind& kind, const Json& value) {
  std::string header = value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const size_t line = line_bytes(kind);
  header.append((kAlignment - (line + header.size()) % kAlignment) % kAlignment, ' ');
  return std::string(kind.magic) + std::string(kind.version) + digits(header.size()) + " " +
         sha256_hex(header) + "\n" + header;
}

Result<HeaderAndData> split_header(std::string_view bytes, const FileKind& kind,
                                   const std::string& path) {
  if (!bytes.starts_with(kind.magic)) {
    return input_error(path + ": is no " + kind.name,
                       std::string("name a file that `") + kind.made_by + "` wrote");
  }
  if (!bytes.substr(kind.magic.size()).starts_with(kind.version)) {
    return input_error(path + ": is of another format version than this program reads",
                       make_again(kind));
  }
  const size_t line = line_bytes(kind);
  if (bytes.size() < line) return damaged_file(kind, path, "it ends within its first line");
  if (bytes[line - kHashLetters - 2] != ' ' || bytes[line - 1] != '\n') {
    return damaged_file(kind, path, "its first line is not of the form that it should have");
  }
  const std::string_view number =
      bytes.substr(kind.magic.size() + kind.version.size(), kSizeDigits);
  uint64_t size = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), size);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size() ||
      size > kMostHeader || size > bytes.size() - line) {
    return damaged_file(kind, path, "its header has no size that it could have");
  }
  const std::string_view header = bytes.substr(line, size);
  if (sha256_hex(header) != bytes.substr(line - kHashLetters - 1, kHashLetters)) {
    return damaged_file(kind, path, "its header's checksum is another");
  }
  HeaderAndData out;
  RELATA_TRY(out.header, parse_json(header, path));
  out.data = bytes.substr(line + size);
  return out;
}

}  // namespace relata::retrieve
