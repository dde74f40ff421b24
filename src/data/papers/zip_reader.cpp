// PKWARE's APPNOTE.TXT, sections 4.3 and 4.4; RFC 1951 by zlib.
#include "papers/zip_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

namespace relata::data {
namespace {

constexpr size_t kEndSize = 22;        // of the end record without its comment
constexpr size_t kDirectorySize = 46;  // of a directory entry without names
constexpr size_t kLocalSize = 30;      // of a local header without names
constexpr size_t kMostEntries = 10000;

Error damaged(const std::string& path, std::string_view what) {
  return input_error(fmt::format("{}: damaged archive: {}", path, what),
                     "fetch or save the file again");
}

// Little-endian numbers; the caller has checked the bounds.
uint32_t number(std::string_view bytes, size_t at, size_t size) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

// The end record is behind everything but a comment of up to 64 KiB.
size_t find_end(std::string_view archive) {
  constexpr size_t kComment = 65535;
  if (archive.size() < kEndSize) return std::string_view::npos;
  const size_t last = archive.size() - kEndSize;
  const size_t first = last > kComment ? last - kComment : 0;
  for (size_t at = last + 1; at-- > first;) {
    if (archive.substr(at, 4) == std::string_view("PK\x05\x06", 4)) return at;
  }
  return std::string_view::npos;
}

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, -MAX_WBITS) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Status run(std::string_view packed, size_t most, const std::string& path,
             const std::function<bool(std::string_view)>& take) {
    if (!ready_) return resource_error(path + ": zlib cannot be started");
    // zlib's input is not const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    std::array<char, size_t{64} << 10> out;
    size_t done = 0;
    for (int state = Z_OK; state != Z_STREAM_END;) {
      stream_.next_out = reinterpret_cast<Bytef*>(out.data());
      stream_.avail_out = static_cast<uInt>(out.size());
      state = inflate(&stream_, Z_NO_FLUSH);
      if (state != Z_OK && state != Z_STREAM_END) return damaged(path, "its data do not unpack");
      const size_t got = out.size() - stream_.avail_out;
      done += got;
      if (done > most) {
        return input_error(fmt::format("{}: unpacks to more than {} MiB", path, most >> 20),
                           "this may be an attack; leave the file out, or make a smaller one");
      }
      if (got == 0 && state != Z_STREAM_END) return damaged(path, "its data are cut off");
      if (!take({out.data(), got})) break;
    }
    return {};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

Status unpack(std::string_view packed, uint16_t method, size_t most, const std::string& path,
              const std::function<bool(std::string_view)>& take) {
  if (method == 8) return Inflater().run(packed, most, path, take);
  if (method != 0) return damaged(path, "an unusual way of packing");
  if (packed.size() > most) {
    return input_error(fmt::format("{}: holds more than {} MiB", path, most >> 20),
                       "leave the file out, or make a smaller one");
  }
  take(packed);
  return {};
}

}  // namespace

Result<std::vector<ZipEntry>> zip_entries(std::string_view archive, const std::string& path) {
  const size_t end = find_end(archive);
  if (end == std::string_view::npos) return damaged(path, "its directory is missing");
  const size_t count = number(archive, end + 10, 2);
  size_t at = number(archive, end + 16, 4);
  if (at == 0xFFFFFFFF || count == 0xFFFF) return damaged(path, "over 4 GiB, or says so");
  if (count > kMostEntries) return damaged(path, "it has more than 10,000 files");
  std::vector<ZipEntry> entries;
  for (size_t i = 0; i < count; ++i) {
    if (at + kDirectorySize > archive.size() ||
        archive.substr(at, 4) != std::string_view("PK\x01\x02", 4)) {
      return damaged(path, "its directory is cut off");
    }
    const size_t name = number(archive, at + 28, 2);
    if (at + kDirectorySize + name > archive.size()) return damaged(path, "a name is cut off");
    ZipEntry& entry = entries.emplace_back();
    entry.encrypted = (number(archive, at + 8, 2) & 1) != 0;
    entry.method = static_cast<uint16_t>(number(archive, at + 10, 2));
    entry.checksum = number(archive, at + 16, 4);
    entry.packed = number(archive, at + 20, 4);
    entry.offset = number(archive, at + 42, 4);
    entry.name = archive.substr(at + kDirectorySize, name);
    at += kDirectorySize + name + number(archive, at + 30, 2) + number(archive, at + 32, 2);
  }
  return entries;
}

Status unzip(std::string_view archive, const ZipEntry& entry, size_t most, const std::string& path,
             const std::function<bool(std::string_view)>& take) {
  if (entry.encrypted) {
    return input_error(path + ": the file is encrypted", "save it without a password");
  }
  if (entry.offset + kLocalSize > archive.size() ||
      archive.substr(entry.offset, 4) != std::string_view("PK\x03\x04", 4)) {
    return damaged(path, "a file in it is missing");
  }
  const size_t begin = entry.offset + kLocalSize + number(archive, entry.offset + 26, 2) +
                       number(archive, entry.offset + 28, 2);
  if (begin > archive.size() || entry.packed > archive.size() - begin) {
    return damaged(path, "a file in it is cut off");
  }
  uLong checksum = crc32(0, nullptr, 0);
  bool is_whole = true;
  RELATA_CHECK(unpack(archive.substr(begin, entry.packed), entry.method, most, path,
                      [&](std::string_view piece) {
                        checksum = crc32(checksum, reinterpret_cast<const Bytef*>(piece.data()),
                                         static_cast<uInt>(piece.size()));
                        is_whole = take(piece);
                        return is_whole;
                      }));
  if (is_whole && checksum != entry.checksum) {
    return damaged(path, entry.name + " has another checksum than the archive states");
  }
  return {};
}

}  // namespace relata::data
