// A document's text on a page, cut into runs, so that entities and evidence can be lit up.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "relata/data/document.h"

namespace relata::extract {

struct MarkedText {
  std::string html;  // one element a run, in order
  // Of each relation, the runs of its evidence as half-open intervals. Where none is stated, of the
  // sentences in which head and tail stand nearest to each other; none if they are not in the text.
  std::vector<std::vector<std::pair<size_t, size_t>>> evidence;
};

// `colours` and `nodes` are per entity: its class, 0 to 7, and its number in the page's graph or
// -1. Mentions may nest and cross: a run belongs to all entities that cover it.
MarkedText marked_text(const data::Document& document, const std::vector<int>& colours,
                       const std::vector<int>& nodes);

// "e0: Tarn Works (ORG)"
std::string describe(const data::Entity& entity);

}  // namespace relata::extract
