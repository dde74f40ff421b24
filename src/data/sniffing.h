// What a format is guessed from: the beginning of a file and its name.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace relata::data {

constexpr size_t kSniffed = size_t{64} << 10;  // bytes looked at

struct Sample {
  // `content` has no byte order mark; only its first kSniffed bytes are looked at.
  Sample(std::string_view content, std::string path);

  std::string_view head;  // from the first byte that is not white space
  std::string path;
  // Of all records that begin there, in the order in which they come up, if the file begins like
  // JSON: one record may lack what tells the format.
  std::vector<std::string> keys;
  bool is_list = false;        // begins with [ and
  bool holds_objects = false;  // ... its elements are objects, or begins with {

  bool has(std::initializer_list<std::string_view> wanted) const;  // all are among `keys`
  bool holds(std::string_view text) const { return head.find(text) != std::string_view::npos; }
  bool named(std::string_view part) const;  // in the file's name, lower case
  // What follows the last dot of the file's name, lower case; "" where that is no ending.
  std::string ending() const;
  // The first lines that are not blank, without line ends, at most `count`; none that is cut off.
  std::vector<std::string_view> lines(size_t count) const;
};

}  // namespace relata::data
