// Labels of documents against a schema.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "relata/data/schema.h"

namespace relata::data {

class LabelCheck {
 public:
  // Kinds of types of which the schema has none are not checked; neither are empty types, and roles
  // of an event type that states none.
  explicit LabelCheck(const Schema& schema);

  struct Findings {
    std::vector<std::string> unknown;  // `relations[2].type "X" is not in the schema`
    std::vector<std::string> mended;   // `relations[2].type "x" is now "X"`
    std::string suggestion;            // for the first unknown one
  };
  // With `mend`, a label that differs from one of the schema's in capitals, spaces and punctuation
  // alone is spelled as there.
  Findings check(Document& document, bool mend) const;

 private:
  struct Names {
    std::vector<std::string> ids;  // in the schema's order
    std::unordered_set<std::string> known;
    std::map<std::string, std::string> by_key;  // "" where several have the key
    void add(const std::string& id);
  };
  static void check_label(const Names& names, const std::string& place, std::string& label,
                          bool mend, Findings& findings);

  Names entities_;
  Names relations_;
  Names events_;
  std::map<std::string, Names> roles_;  // by event type
};

}  // namespace relata::data
