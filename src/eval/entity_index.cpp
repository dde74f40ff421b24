#include "entity_index.h"

#include <algorithm>

namespace relata::eval {

EntityIndex::EntityIndex(const data::Document& gold) {
  for (size_t e = 0; e < gold.entities.size(); ++e) {
    const data::Entity& entity = gold.entities[e];
    const auto number = static_cast<int>(e);
    by_name_[entity.text].push_back(number);
    for (const std::string& name : entity.names) {
      if (name != entity.text) by_name_[name].push_back(number);
    }
    for (const text::ByteRange& range : entity.mentions) {
      by_place_[{range.begin, range.end}].push_back(number);
    }
  }
}

std::vector<int> EntityIndex::candidates(const data::Entity& predicted) const {
  std::vector<int> found;
  const auto add = [&](const auto& index, const auto& key) {
    const auto own = index.find(key);
    if (own != index.end()) found.insert(found.end(), own->second.begin(), own->second.end());
  };
  add(by_name_, std::string_view(predicted.text));
  for (const text::ByteRange& range : predicted.mentions) {
    add(by_place_, std::pair(range.begin, range.end));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace relata::eval
