// Extracted documents as one self-contained HTML page for people: the texts with their entities
// marked, their relations with probabilities, and a drawing of all entities and relations.
#pragma once

#include <string>
#include <vector>

#include "relata/data/document.h"
#include "relata/data/schema.h"

namespace relata::extract {

struct PageOptions {
  std::string title = "Relations";
  int graph_entities = 60;  // the drawing shows the best connected ones; 0: no drawing
};

// `schema` gives relations their names; a relation outside it stands under its own id. Everything
// that comes from documents or schema is escaped. Cost: linear in the documents, and a quarter of
// a second at most for the drawing.
std::string extraction_page(const std::vector<data::Document>& documents,
                            const data::Schema& schema, const PageOptions& options);

}  // namespace relata::extract
