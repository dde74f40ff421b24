// Names of one text as the model of names sees them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "names/name_words.h"
#include "relata/data/schema.h"
#include "relata/extract/name_model.h"

namespace relata::extract {

// Borrows the model and the text. For one thread.
class NamesInText {
 public:
  NamesInText(const NameModel& model, const std::string& text);

  // How well two names fit as the ends of a relation: what to add to the logarithm of a fact's
  // probability, at most 0. Of an end that may be of a type which the model does not know, the type
  // does not count.
  double fit(const data::RelationType& relation, const std::string& head, const std::string& tail);
  // The likeliest of `allowed` (all types, where there are none); "" where none is likely. Where
  // the model does not know all of these, only what is likelier than its other types counts.
  std::string type_of(const std::string& name, const std::vector<std::string>& allowed);

  struct Guess {
    double is_name = 0.0;       // at the likeliest of its places
    std::vector<double> types;  // by NameModel::types(), over all of its places; sums to 1, or to 0
  };
  const Guess& guess(const std::string& name);

 private:
  bool knows_all(const std::vector<std::string>& types) const;
  double type_fit(const std::string& name, const std::vector<std::string>& allowed);

  const NameModel& model_;
  const std::string& text_;
  NameWords words_;
  std::map<std::string, Guess> guesses_;
};

}  // namespace relata::extract
