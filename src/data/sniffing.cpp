#include "sniffing.h"

#include <algorithm>
#include <filesystem>

#include "reading.h"

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// Adds the names of the members of the object that begins at `at`, as far as the text goes, and
// moves `at` behind the object. Escapes stay as they are: no format has names with any.
void add_member_names(std::string_view text, size_t& at, std::vector<std::string>& names) {
  int depth = 0;
  bool name_next = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const size_t begin = at + 1;
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
      if (depth == 1 && name_next && at < text.size()) {
        const std::string_view name = text.substr(begin, at - begin);
        if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
      }
      name_next = false;
    } else if (c == '{' || c == '[') {
      ++depth;
      name_next = c == '{';
    } else if (c == '}' || c == ']') {
      if (--depth == 0) {
        ++at;
        return;
      }
    } else if (c == ',' && depth == 1) {
      name_next = true;
    }
  }
}

}  // namespace

Sample::Sample(std::string_view content, std::string file_path) : path(std::move(file_path)) {
  head = content.substr(0, kSniffed);
  head = head.substr(std::min(head.find_first_not_of(kSpace), head.size()));
  size_t first = 0;
  is_list = head.starts_with('[');
  if (is_list) first = std::min(head.find_first_not_of(kSpace, 1), head.size());
  holds_objects = first < head.size() && head[first] == '{';
  while (first < head.size() && head[first] == '{') {
    add_member_names(head, first, keys);
    first = std::min(head.find_first_not_of(is_list ? " \t\r\n," : kSpace, first), head.size());
  }
}

bool Sample::has(std::initializer_list<std::string_view> wanted) const {
  return std::all_of(wanted.begin(), wanted.end(), [&](std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  });
}

bool Sample::named(std::string_view part) const {
  return lower(std::filesystem::path(path).filename().string()).find(part) != std::string::npos;
}

std::string Sample::ending() const {
  constexpr size_t kLongest = 16;  // ".v4_gold_conll"
  const std::string ending = lower(std::filesystem::path(path).extension().string());
  if (ending.size() < 2 || ending.size() > kLongest) return "";
  const bool plain = std::all_of(ending.begin() + 1, ending.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
  });
  return plain ? ending.substr(1) : "";
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
