#include "io/input_feed.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "io/command_io.h"
#include "relata/base/file.h"
#include "relata/base/file_reader.h"

namespace relata::app {

bool are_large(const std::vector<std::string>& files) {
  constexpr uintmax_t kLarge = 64 << 20;
  uintmax_t bytes = 0;
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    if (file == "-" || is_device(file)) return true;
    std::error_code code;
    const uintmax_t size = std::filesystem::file_size(file, code);
    bytes += code ? 0 : size;  // reading says what is wrong with it
    return bytes > kLarge;
  });
}

Result<std::optional<data::Document>> InputFeed::next() {
  RELATA_TRY(const bool more, has_next());
  if (!more) return std::optional<data::Document>();
  std::optional<data::Document> document(std::move(waiting_.front()));
  waiting_.pop_front();
  if (files_.size() > 1) ids_.make_unique(*document);
  return document;
}

// Opening a pipe waits for its first line.
Result<bool> InputFeed::ready() {
  while (waiting_.empty()) {
    if (!stream_) {
      if (opened_ == files_.size()) return true;
      if (files_[opened_] == "-" || is_device(files_[opened_])) return false;
      RELATA_CHECK(open_next());
      continue;
    }
    RELATA_TRY(const bool ready, stream_->ready());
    if (!ready) return false;
    RELATA_CHECK(read_part());
  }
  return true;
}

Result<bool> InputFeed::has_next() {
  while (waiting_.empty()) {
    if (!stream_ && opened_ == files_.size()) return false;
    RELATA_CHECK(stream_ ? read_part() : open_next());
  }
  return true;
}

Status InputFeed::check() const {
  for (const std::string& file : files_) {
    if (file == "-" || is_device(file) || !file_exists(file)) continue;
    const auto opened = FileReader::open(file);
    if (!opened.ok()) return opened.error();
  }
  return {};
}

Status InputFeed::read_part() {
  RELATA_TRY(const bool more, stream_->next(notes_));
  std::move(notes_.documents.begin(), notes_.documents.end(), std::back_inserter(waiting_));
  notes_.documents.clear();
  if (!more) stream_.reset();
  return {};
}

Status InputFeed::open_next() {
  const std::string& file = files_[opened_++];
  // Files are listed before the first is read, and the others may take long.
  if (file != "-" && options_.on_error != "stop" && !file_exists(file)) {
    notes_.skipped.push_back(file + ": it was removed before it was read");
    return {};
  }
  RELATA_TRY(data::DocumentStream stream, data::DocumentStream::open(file, options_));
  stream_.emplace(std::move(stream));
  return {};
}

}  // namespace relata::app
