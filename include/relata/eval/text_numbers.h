// Numbers for texts, in the order in which they first come.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "relata/eval/hash_slots.h"

namespace relata::eval {

// For tables in memory: quick, the same on every run, and no defence against chosen collisions.
uint64_t hash_text(std::string_view text);

class TextNumbers {
 public:
  struct Entry {
    int number = 0;
    bool fresh = false;  // it came for the first time
  };
  Entry add(std::string_view text);       // the text is borrowed
  int find(std::string_view text) const;  // -1 if it never came
  size_t size() const { return texts_.size(); }
  std::string_view operator[](size_t number) const { return texts_[number]; }
  auto begin() const { return texts_.begin(); }
  auto end() const { return texts_.end(); }

 private:
  std::vector<std::string_view> texts_;
  HashSlots slots_;
};

}  // namespace relata::eval
