// The beginning of files whose numbers are mapped: a line that says what the file is, the size of
// its header and the header's SHA-256; the header, JSON, filled up with spaces to a multiple of 64
// bytes.
#pragma once

#include <string>
#include <string_view>

#include "relata/base/json.h"
#include "relata/base/result.h"

namespace relata::retrieve {

struct FileKind {
  std::string_view magic;    // "relata-vectors "
  std::string_view version;  // "1 "
  const char* name;          // "file of vectors"
  const char* made_by;       // the command that writes such files
};

std::string with_header_line(const FileKind& kind, const Json& header);

struct HeaderAndData {
  Json header;
  std::string_view data;  // what follows the header
};
// Errors name `path`: another kind of file, another version, a header that its line does not vouch
// for.
Result<HeaderAndData> split_header(std::string_view bytes, const FileKind& kind,
                                   const std::string& path);

Error damaged_file(const FileKind& kind, const std::string& path, const std::string& what);

}  // namespace relata::retrieve
