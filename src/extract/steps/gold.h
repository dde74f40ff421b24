// What a document states, as training needs it: facts by names.
#pragma once

#include <string>
#include <vector>

#include "relata/extract/step_rows.h"
#include "step_prompt.h"

namespace relata::extract {

// By what an entity is asked about and answered with: its first mention that stands on one line, as
// the text has it but for blanks around it; "" where there is none.
std::string canonical_name(const data::Document& document, const data::Entity& entity);

struct NamedEntity {
  std::string name;
  std::string type;
};

struct Gold {
  std::vector<Binding> facts;         // distinct
  std::vector<NamedEntity> entities;  // distinct names, in the order of the text
  int64_t ungrounded = 0;             // facts left out: an end is not in the text
};

// Errors: a relation that the schema lacks. Canonical facts come in the schema's and the text's
// order, those of all mentions in the file's.
Result<Gold> gold_of(const data::Document& document, const data::Schema& schema,
                     RowOptions::Naming naming);

}  // namespace relata::extract
