// The entity types that a relation takes at its ends.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace relata::extract {

// Whether an entity of this type may stand where `types` are wanted; what states no type may.
inline bool allows_type(const std::vector<std::string>& types, const std::string& type) {
  return types.empty() || type.empty() ||
         std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace relata::extract
