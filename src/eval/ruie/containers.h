// Texts found by a part of them, each until it is taken: an index of all their ends, sorted.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace relata::eval {

// The texts are borrowed. Cost: an entry for each character, and a binary search for each question.
class Containers {
 public:
  explicit Containers(const std::vector<std::string_view>& texts);

  static constexpr size_t kNone = static_cast<size_t>(-1);
  // The number of a text that holds the part and is not taken; it is taken now. kNone without one.
  size_t take(std::string_view part);
  void take_number(size_t text) { taken_[text] = true; }

 private:
  struct End {
    std::string_view rest;  // of the text, from some character on
    size_t text;
  };
  size_t next_free(size_t at);  // the first end from there on whose text is not taken

  std::vector<End> ends_;
  std::vector<size_t> skip_;  // a free end lies nowhere between an end and this one
  std::vector<bool> taken_;   // by text
};

}  // namespace relata::eval
