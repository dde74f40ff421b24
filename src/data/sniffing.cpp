#include "sniffing.h"

#include <algorithm>
#include <filesystem>

#include "reading.h"

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// The names of the members of the object that begins at `at`, as far as the text goes. Escapes stay
// as they are: no format has names with any.
std::vector<std::string> member_names(std::string_view text, size_t at) {
  std::vector<std::string> names;
  int depth = 0;
  bool name_next = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const size_t begin = at + 1;
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
      if (depth == 1 && name_next && at < text.size()) {
        names.emplace_back(text.substr(begin, at - begin));
      }
      name_next = false;
    } else if (c == '{' || c == '[') {
      ++depth;
      name_next = c == '{';
    } else if (c == '}' || c == ']') {
      if (--depth == 0) break;
    } else if (c == ',' && depth == 1) {
      name_next = true;
    }
  }
  return names;
}

}  // namespace

Sample::Sample(std::string_view content, std::string file_path) : path(std::move(file_path)) {
  head = content.substr(0, kSniffed);
  head = head.substr(std::min(head.find_first_not_of(kSpace), head.size()));
  size_t first = 0;
  is_list = head.starts_with('[');
  if (is_list) first = std::min(head.find_first_not_of(kSpace, 1), head.size());
  holds_objects = first < head.size() && head[first] == '{';
  if (holds_objects) keys = member_names(head, first);
}

bool Sample::has(std::initializer_list<std::string_view> wanted) const {
  return std::all_of(wanted.begin(), wanted.end(), [&](std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  });
}

bool Sample::named(std::string_view part) const {
  std::string name = std::filesystem::path(path).filename().string();
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return name.find(part) != std::string::npos;
}

std::vector<std::string_view> Sample::lines(size_t count) const {
  std::vector<std::string_view> found;
  Lines all(head);
  for (std::string_view line; found.size() < count && all.next(line);) {
    const bool cut = head.size() + 4 >= kSniffed && line.data() + line.size() == head.end();
    if (!is_blank(line) && !cut) found.push_back(line);
  }
  return found;
}

}  // namespace relata::data
