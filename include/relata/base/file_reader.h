// A file or standard input, read from its beginning to its end a part at a time: for what may be
// larger than memory, or goes on being written. Whole files: read_file() in base/file.h.
#pragma once

#include <cstddef>
#include <string>

#include "relata/base/result.h"

namespace relata {

class FileReader {
 public:
  // "-" is standard input.
  static Result<FileReader> open(const std::string& path);

  // Appends the next bytes, at most 64 KiB, and says how many; none at the end. Waits only while
  // there is nothing: a pipe gives what has come.
  Result<size_t> read(std::string& buffer);
  // Whether read() would return at once, or within the moment that a writer at work needs to fill
  // a pipe again.
  bool ready() const;

  FileReader(FileReader&& other) noexcept;
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader();

 private:
  FileReader(std::string path, int fd, bool owned);
  std::string path_;
  int fd_;
  bool owned_;  // standard input stays open
};

}  // namespace relata
