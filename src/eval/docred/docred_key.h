// What makes facts and answers of a document the same.
#pragma once

#include <algorithm>
#include <compare>

#include "relata/eval/docred.h"

namespace relata::eval {

struct DocRedKey {
  int head = 0, tail = 0, relation = 0;
  auto operator<=>(const DocRedKey&) const = default;
};
inline DocRedKey key_of(const DocRedFact& fact) { return {fact.head, fact.tail, fact.relation}; }
inline DocRedKey key_of(const DocRedAnswer& answer) {
  return {std::max(answer.head, -1), std::max(answer.tail, -1), answer.relation};
}

}  // namespace relata::eval
