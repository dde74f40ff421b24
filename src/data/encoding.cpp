#include "encoding.h"

#include <algorithm>
#include <array>
#include <optional>

#include "relata/base/file.h"
#include "relata/text/utf8.h"

namespace relata::data {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16LittleMark = "\xFF\xFE";
constexpr std::string_view kUtf16BigMark = "\xFE\xFF";
constexpr std::string_view kUtf32LittleMark{"\xFF\xFE\0\0", 4};
constexpr std::string_view kUtf32BigMark{"\0\0\xFE\xFF", 4};

struct Packed {
  std::string_view mark;
  const char* name;
  const char* remedy;
};
constexpr std::array<Packed, 4> kPacked = {{{"\x1F\x8B", "gzip", "gunzip"},
                                            {"PK\x03\x04", "zip", "unzip"},
                                            {"\xFD"
                                             "7zXZ",
                                             "xz", "unxz"},
                                            {"\x28\xB5\x2F\xFD", "zstd", "unzstd"}}};

std::string iconv_from(const std::string& encoding) {
  return "convert the file to UTF-8, for example with: iconv -f " + encoding +
         " -t UTF-8 FILE > NEW";
}

// The encoding of ASCII letters that have a zero byte each, as at the beginning of any JSON.
std::optional<std::string> unmarked_utf16(std::string_view content) {
  if (content.size() < 4) return std::nullopt;
  const auto zero = [&](size_t at) { return content[at] == '\0'; };
  if (!zero(0) && zero(1) && !zero(2) && zero(3)) return "UTF-16LE";
  if (zero(0) && !zero(1) && zero(2) && !zero(3)) return "UTF-16BE";
  return std::nullopt;
}

}  // namespace

Result<std::string_view> as_utf8(std::string_view content, const std::string& path,
                                 std::string& converted) {
  if (content.starts_with(kUtf8Mark)) return content.substr(kUtf8Mark.size());
  if (content.starts_with(kUtf32LittleMark) || content.starts_with(kUtf32BigMark)) {
    return input_error(path + ": the file is UTF-32", iconv_from("UTF-32"));
  }
  for (const Packed& packed : kPacked) {
    if (!content.starts_with(packed.mark)) continue;
    return input_error(path + ": the file is compressed (" + packed.name + ")",
                       std::string("unpack it with ") + packed.remedy);
  }
  const bool big = content.starts_with(kUtf16BigMark);
  if (!big && !content.starts_with(kUtf16LittleMark)) {
    const auto encoding = unmarked_utf16(content);
    if (!encoding) return content;
    return input_error(path + ": the file is UTF-16 without a byte order mark",
                       iconv_from(*encoding));
  }
  std::optional<size_t> bad;
  converted = text::utf16_to_utf8(content.substr(kUtf16BigMark.size()), big, &bad);
  if (!bad) return std::string_view(converted);
  const auto lines =
      std::count(converted.begin(), converted.begin() + static_cast<std::ptrdiff_t>(*bad), '\n');
  return input_error(path + ":" + std::to_string(lines + 1) + ": half a character in UTF-16",
                     "the file is cut off or damaged there");
}

std::string as_file(std::string content) {
  if (content.starts_with(kUtf8Mark)) content.insert(0, kUtf8Mark);
  return content;
}

Result<std::string> read_text_file(const std::string& path) {
  RELATA_TRY(std::string content, read_file(path));
  std::string converted;
  RELATA_TRY(const std::string_view text, as_utf8(content, path, converted));
  if (text.data() == content.data()) return content;
  return std::string(text);
}

// Chinese text has its bytes above ASCII in runs of two and more, where the Latin encodings have
// single letters among others.
std::string conversion_hint(std::string_view not_utf8) {
  constexpr size_t kEnough = 512;
  size_t alone = 0;
  size_t in_runs = 0;
  const std::string_view sample = not_utf8.substr(0, kEnough);
  for (size_t at = 0; at < sample.size();) {
    size_t end = at;
    while (end < sample.size() && static_cast<unsigned char>(sample[end]) >= 0x80) ++end;
    (end - at > 1 ? in_runs : alone) += end - at;
    at = end + 1;
  }
  return iconv_from(in_runs > alone ? "GB18030" : "WINDOWS-1252");
}

}  // namespace relata::data
