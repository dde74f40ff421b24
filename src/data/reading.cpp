#include "reading.h"

#include <algorithm>
#include <filesystem>

namespace relata::data {
namespace {

Error invalid_utf8(const Source& source, size_t line, size_t column) {
  return input_error(
      source.at(line) + ": invalid UTF-8 at byte " + std::to_string(column + 1) + " of the line",
      "convert the file to UTF-8, for example with: iconv -f GB18030 -t UTF-8");
}

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

}  // namespace

Source::Source(std::string_view file_content, std::string file_path)
    : content(file_content),
      path(std::move(file_path)),
      stem_(path == "-" ? "stdin" : std::filesystem::path(path).stem().string()) {}

bool Lines::next(std::string_view& line) {
  if (position_ >= content_.size()) return false;
  size_t end = content_.find('\n', position_);
  if (end == std::string_view::npos) end = content_.size();
  line = content_.substr(position_, end - position_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  position_ = end + 1;
  ++number_;
  return true;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \r") == std::string_view::npos;
}

Status Intake::reject(const Error& error) {
  if (!skips_ || error.code != ErrorCode::kBadInput) return error;
  dataset_.skipped.push_back(error.message);
  return {};
}

void Intake::note_fix(const std::string& where, const std::string& what) {
  dataset_.fixed.push_back(where + ": " + what);
}

Status Intake::add(Document document, const std::string& where) {
  size_t& times = ids_[document.id];
  if (times > 0) {
    const std::string problem = "the id \"" + document.id + "\" is not unique in the file";
    if (!fixes_) {
      return reject(input_error(where + ": " + problem,
                                "give every record its own id, or let on_error=fix number them"));
    }
    const std::string id = document.id;
    do {
      document.id = id + "#" + std::to_string(++times);
    } while (ids_.contains(document.id));
    note_fix(where, problem + "; it is now \"" + document.id + "\"");
    ids_[document.id] = 1;
  } else {
    times = 1;
  }
  dataset_.documents.push_back(std::move(document));
  return {};
}

Status check_utf8(std::string_view text, const Source& source, size_t first_line) {
  const auto bad = text::find_invalid_utf8(text);
  if (!bad) return {};
  const std::string_view before = text.substr(0, *bad);
  const size_t line = first_line + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? *bad : *bad - newline - 1;
  return invalid_utf8(source, line, column);
}

Error utf8_error(const Source& source, size_t offset, size_t line) {
  const size_t newline = offset == 0 ? offset : source.content.rfind('\n', offset - 1);
  const bool first = offset == 0 || newline == std::string_view::npos;
  return invalid_utf8(source, line, first ? offset : offset - newline - 1);
}

std::vector<ByteRange> find_mentions(const std::string& text, const std::string& name) {
  std::vector<ByteRange> all = find_occurrences(text, name);
  std::vector<ByteRange> whole;
  for (const ByteRange& range : all) {
    const bool cut_before =
        range.begin > 0 && is_word_byte(text[range.begin]) && is_word_byte(text[range.begin - 1]);
    const bool cut_after = range.end < text.size() && is_word_byte(text[range.end - 1]) &&
                           is_word_byte(text[range.end]);
    if (!cut_before && !cut_after) whole.push_back(range);
  }
  return whole.empty() ? all : whole;
}

std::optional<ByteRange> nearest_occurrence(const std::string& text, const std::string& stated,
                                            ByteRange range) {
  std::optional<ByteRange> best;
  size_t least = 0;
  bool tied = false;
  for (const ByteRange& found : find_occurrences(text, stated)) {
    const size_t distance =
        found.begin > range.begin ? found.begin - range.begin : range.begin - found.begin;
    if (!best || distance < least) {
      best = found;
      least = distance;
      tied = false;
    } else if (distance == least) {
      tied = true;
    }
  }
  return tied ? std::nullopt : best;
}

ByteRange trimmed(std::string_view text, ByteRange range) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto is_space = [&](size_t at) { return kSpace.find(text[at]) != std::string_view::npos; };
  while (range.begin < range.end && is_space(range.begin)) ++range.begin;
  while (range.end > range.begin && is_space(range.end - 1)) --range.end;
  return range;
}

std::string_view trimmed_text(std::string_view text) {
  const ByteRange range = trimmed(text, {0, text.size()});
  return text.substr(range.begin, range.end - range.begin);
}

}  // namespace relata::data
