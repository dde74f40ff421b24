#include "relata/base/file_text.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

namespace relata {

std::shared_ptr<const FileText> FileText::of(std::string text) {
  std::shared_ptr<FileText> file(new FileText);
  file->own_ = std::move(text);
  file->text_ = file->own_;
  return file;
}

Result<std::shared_ptr<const FileText>> FileText::open(const std::string& path) {
  std::error_code ignored;
  if (path == "-" || !std::filesystem::is_regular_file(path, ignored) ||
      std::filesystem::file_size(path, ignored) == 0) {
    // Files of /proc say that they are empty.
    RELATA_TRY(std::string text, read_file(path));
    return of(std::move(text));
  }
  RELATA_TRY(std::shared_ptr<MappedFile> map, MappedFile::open(path));
  std::shared_ptr<FileText> file(new FileText);
  const std::span<const std::byte> bytes = map->bytes();
  file->text_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  file->map_ = std::move(map);
  return std::shared_ptr<const FileText>(std::move(file));
}

}  // namespace relata
