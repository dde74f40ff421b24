// Files inside a ZIP archive, as .docx is one. What the archive says of sizes is not trusted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata::data {

struct ZipEntry {
  std::string name;
  uint64_t packed = 0;    // bytes
  uint64_t offset = 0;    // of its local header
  uint32_t checksum = 0;  // CRC-32 of what is unpacked
  uint16_t method = 0;    // 0: stored, 8: deflated
  bool encrypted = false;
};

// The archive's directory. `path` begins error messages. Errors: no archive, cut off, more than
// 10,000 entries, ZIP64 (over 4 GiB).
Result<std::vector<ZipEntry>> zip_entries(std::string_view archive, const std::string& path);

// Unpacks piece by piece; `take` returns false to stop. More than `most` bytes are an error, found
// when they come out, whatever the archive says of its sizes; another checksum than the archive
// states is one, found behind the last piece.
Status unzip(std::string_view archive, const ZipEntry& entry, size_t most, const std::string& path,
             const std::function<bool(std::string_view)>& take);

}  // namespace relata::data
