// Ids of documents of several files.
#pragma once

#include <string>
#include <unordered_map>

#include "relata/data/document.h"

namespace relata::app {

// Files may number their documents alike; together they must not. Documents come one after the
// other: the first of an id keeps it, later ones get a number behind it ("x#2").
class UniqueIds {
 public:
  void make_unique(data::Document& document);

 private:
  std::unordered_map<std::string, size_t> ids_;  // with the last number that was put behind
};

}  // namespace relata::app
