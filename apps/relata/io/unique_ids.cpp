#include "io/unique_ids.h"

namespace relata::app {

void UniqueIds::make_unique(data::Document& document) {
  const std::string id = document.id;
  size_t& number = ids_.try_emplace(id, 0).first->second;
  if (number == 0) {
    number = 1;
    return;
  }
  do {
    document.id = id + "#" + std::to_string(++number);
  } while (!ids_.try_emplace(document.id, 1).second);
}

}  // namespace relata::app
