// Names that an answer of a text model can be read back from.
#pragma once

#include <string>
#include <vector>

namespace relata::extract {

// Removes the names in which `follow`, which ends them in an answer, stands already: they could not
// be told from shorter ones.
inline void drop_unwritable(std::vector<std::string>& names, const std::string& follow) {
  if (follow.empty()) return;
  std::erase_if(
      names, [&](const std::string& name) { return (name + follow).find(follow) != name.size(); });
}

}  // namespace relata::extract
