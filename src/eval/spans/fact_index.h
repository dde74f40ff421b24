// Facts found by what they say or where they stand, so that a document with thousands of them costs
// no comparison of each with each.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "spans/span_facts.h"

namespace relata::eval {

// Equal for facts that are the same under the rule in all their places; "" for a fact that lacks a
// place which the rule compares: it is like no other.
std::string fact_key(const SpanFact& fact, const SpanRule& rule);

// Borrows the facts.
class PlaceIndex {
 public:
  PlaceIndex(const std::vector<SpanFact>& facts, const SpanRule& rule);

  // The numbers of facts that may overlap this one in a place which the rule compares, of head or
  // tail; none that do is left out. They rise.
  std::vector<size_t> near(const SpanFact& fact) const;

 private:
  std::vector<size_t> stretches_of(const SpanFact& fact) const;  // of the text, by number

  SpanRule rule_;
  std::unordered_map<size_t, std::vector<size_t>> facts_in_;  // by stretch
};

}  // namespace relata::eval
