// Facts by names become a document: entities with all their places, evidence, what follows.
#pragma once

#include <string>
#include <vector>

#include "ask_steps.h"
#include "names/names_in_text.h"

namespace relata::extract {

struct ScoredFact {
  Binding fact;
  double score = 0.0;
};

// A place inside a longer name that was found too ("Ann" in "Ann Lee") is no mention, unless the
// shorter name stands nowhere else.
void drop_inner_mentions(std::vector<data::Entity>& entities);

struct FoundForm {
  bool given = false;            // the entities are the document's own
  bool scored = true;            // the facts have scores
  NamesInText* names = nullptr;  // knows types of entities that the facts leave open; may be null
};
// `document` with these facts, which are distinct, instead of its relations.
data::Document found_document(const data::Document& document, const data::Schema& schema,
                              const std::vector<ScoredFact>& facts, const FoundForm& form);

// Adds the facts that follow by symmetric relations and by inverses, mutual or implied, as probable
// as those they follow from, and notes them in meta "derived".
void add_derived(data::Document& document, const data::Schema& schema);

// The most probable first; those without a probability keep their order. "derived" follows.
void sort_by_score(data::Document& document);

}  // namespace relata::extract
