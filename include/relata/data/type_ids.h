// The ids of a schema's entity, relation or event types, in its order.
#pragma once

#include <string>
#include <vector>

namespace relata::data {

template <class Type>
std::vector<std::string> ids_of(const std::vector<Type>& types) {
  std::vector<std::string> ids;
  ids.reserve(types.size());
  for (const Type& type : types) ids.push_back(type.id);
  return ids;
}

}  // namespace relata::data
