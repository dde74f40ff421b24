#include "reading.h"

#include <algorithm>
#include <filesystem>

namespace relata::data {

std::string Source::stem() const {
  return path == "-" ? "stdin" : std::filesystem::path(path).stem().string();
}

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

Status BadRecords::add(const Error& error) {
  if (!skip_) return error;
  dataset_.skipped.push_back(error.message);
  return {};
}

Status check_utf8(std::string_view text, const Source& source, size_t first_line) {
  const auto bad = text::find_invalid_utf8(text);
  if (!bad) return {};
  const std::string_view before = text.substr(0, *bad);
  const size_t line = first_line + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? *bad : *bad - newline - 1;
  return input_error(
      source.at(line) + ": invalid UTF-8 at byte " + std::to_string(column + 1) + " of the line",
      "convert the file to UTF-8, for example with: iconv -f GB18030 -t UTF-8");
}

std::vector<size_t> value_lines(std::string_view json, int depth) {
  std::vector<size_t> lines;
  std::string open;  // the brackets that are open, outermost first
  size_t line = 1;
  bool value_next = true;
  const auto note_value = [&] {
    if (value_next && static_cast<int>(open.size()) == depth) lines.push_back(line);
    value_next = false;
  };
  for (size_t i = 0; i < json.size(); ++i) {
    switch (json[i]) {
      case '\n':
        ++line;
        break;
      case ' ':
      case '\t':
      case '\r':
        break;
      case ':':
        value_next = true;
        break;
      case ',':
        value_next = open.ends_with('[');
        break;
      case '[':
      case '{':
        note_value();
        open.push_back(json[i]);
        value_next = json[i] == '[';
        break;
      case ']':
      case '}':
        open.pop_back();
        value_next = false;
        break;
      case '"':
        note_value();
        for (++i; i < json.size() && json[i] != '"'; ++i) i += json[i] == '\\';
        break;
      default:
        note_value();
    }
  }
  return lines;
}

}  // namespace relata::data
