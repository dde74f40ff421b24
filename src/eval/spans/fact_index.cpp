#include "spans/fact_index.h"

#include <algorithm>

namespace relata::eval {
namespace {

constexpr size_t kStretch = 64;  // bytes of text, longer than most names

void add_text(std::string& key, const std::string& text) {
  key += std::to_string(text.size()) + ":" + text;
}

// Whether there is any.
bool add_places(std::string& key, const Places& places) {
  for (const text::ByteRange& range : places) {
    key += std::to_string(range.begin) + "-" + std::to_string(range.end) + " ";
  }
  key += "/";
  return !places.empty();
}

void sort_distinct(std::vector<size_t>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

std::string fact_key(const SpanFact& fact, const SpanRule& rule) {
  std::string key;
  if (rule.label) add_text(key, fact.label);
  if (rule.types) {
    add_text(key, fact.head_type);
    add_text(key, fact.tail_type);
  }
  if (rule.head && !add_places(key, fact.head)) return "";
  if (rule.tail && !add_places(key, fact.tail)) return "";
  return key;
}

PlaceIndex::PlaceIndex(const std::vector<SpanFact>& facts, const SpanRule& rule) : rule_(rule) {
  for (size_t i = 0; i < facts.size(); ++i) {
    for (const size_t stretch : stretches_of(facts[i])) facts_in_[stretch].push_back(i);
  }
}

std::vector<size_t> PlaceIndex::near(const SpanFact& fact) const {
  std::vector<size_t> found;
  for (const size_t stretch : stretches_of(fact)) {
    const auto own = facts_in_.find(stretch);
    if (own == facts_in_.end()) continue;
    found.insert(found.end(), own->second.begin(), own->second.end());
  }
  sort_distinct(found);
  return found;
}

std::vector<size_t> PlaceIndex::stretches_of(const SpanFact& fact) const {
  std::vector<size_t> stretches;
  const auto add = [&](const Places& places) {
    for (const text::ByteRange& range : places) {
      const size_t last = std::max(range.begin + 1, range.end) - 1;
      for (size_t s = range.begin / kStretch; s <= last / kStretch; ++s) stretches.push_back(s);
    }
  };
  if (rule_.head) add(fact.head);
  if (rule_.tail) add(fact.tail);
  sort_distinct(stretches);
  return stretches;
}

}  // namespace relata::eval
