// Arguments in formats where they point to one mention of their entity.
#pragma once

#include "relata/data/document.h"

namespace relata::data {

constexpr const char* kArgumentPlaces = "places of arguments";  // what is lost else

// Whether the entity's first mention says all of an argument that has none of the mentions' places.
inline bool names_one_mention(const Argument& argument, const Entity& entity) {
  return argument.range.begin == argument.range.end && entity.mentions.size() == 1;
}

}  // namespace relata::data
