// Names that an answer of a text model can be read back from.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace relata::extract {

// A name that stands in the text, but in no answer that could be told from another one.
struct UnwritableName {
  std::string field;  // of an item: head, tail
  std::string name;
  std::string problem;
  bool operator==(const UnwritableName&) const = default;
};

// How a field's value is told apart from what follows it.
struct FieldEnd {
  std::string field;
  std::string follow;   // ends it, wherever it first comes
  std::string nothing;  // the answer without items, where an item is no more than the field; or ""
};

// Takes out of `names` those in which what ends them stands already, and one that says nothing.
inline std::vector<UnwritableName> take_unwritable(std::vector<std::string>& names,
                                                   const FieldEnd& end) {
  std::vector<UnwritableName> out;
  std::vector<std::string> kept;
  for (std::string& name : names) {
    std::string why;
    if (!end.follow.empty() && (name + end.follow).find(end.follow) != name.size()) {
      why = "holds \"" + end.follow + "\", which ends a name there";
    } else if (name == end.nothing) {
      why = "is the word for nothing";
    }
    if (why.empty()) {
      kept.push_back(std::move(name));
      continue;
    }
    std::string problem = "\"" + name + "\" could not be answered as a " + end.field +
                          ": in the template's answers it " + why;
    out.push_back({end.field, std::move(name), std::move(problem)});
  }
  names = std::move(kept);
  return out;
}

}  // namespace relata::extract
