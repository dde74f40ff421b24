// A schema's entity, relation or event types, or an event type's roles, by their ids.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace relata::data {

// In the schema's order.
template <class Type>
std::vector<std::string> ids_of(const std::vector<Type>& types) {
  std::vector<std::string> ids;
  ids.reserve(types.size());
  for (const Type& type : types) ids.push_back(type.id);
  return ids;
}

// Null when there is none.
template <class Type>
const Type* type_with_id(const std::vector<Type>& types, std::string_view id) {
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const Type& type) { return type.id == id; });
  return found == types.end() ? nullptr : &*found;
}

}  // namespace relata::data
