// A file's text for readers that keep views of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "relata/base/file.h"
#include "relata/base/result.h"

namespace relata {

// A map where the file is a regular one, which costs no copy, else read ("-", a pipe). A mapped
// file must not shrink while it is in use.
class FileText {
 public:
  static Result<std::shared_ptr<const FileText>> open(const std::string& path);
  static std::shared_ptr<const FileText> of(std::string text);
  std::string_view text() const { return text_; }
  FileText(const FileText&) = delete;
  FileText& operator=(const FileText&) = delete;

 private:
  FileText() = default;
  std::shared_ptr<MappedFile> map_;
  std::string own_;
  std::string_view text_;
};

}  // namespace relata
