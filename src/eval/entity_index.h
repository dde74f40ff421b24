// Gold entities by what predicted ones may share with them, so that documents with thousands of
// them cost no comparison of each with each.
#pragma once

#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relata/data/document.h"

namespace relata::eval {

// Borrows the document.
class EntityIndex {
 public:
  explicit EntityIndex(const data::Document& gold);

  // The numbers of the entities that have the predicted one's text, as theirs or among their names,
  // or one of its mentions; they rise.
  std::vector<int> candidates(const data::Entity& predicted) const;

 private:
  struct HashPlace {
    size_t operator()(const std::pair<size_t, size_t>& place) const {
      return place.first * 0x9E3779B97F4A7C15ULL + place.second;
    }
  };

  std::unordered_map<std::string_view, std::vector<int>> by_name_;
  std::unordered_map<std::pair<size_t, size_t>, std::vector<int>, HashPlace> by_place_;
};

}  // namespace relata::eval
