// Items that were found become a document's entities, relations, events and arguments.
#pragma once

#include <vector>

#include "icl/icl_answer.h"

namespace relata::extract {

struct IclPlan {
  std::vector<IclTask> tasks;
  bool use_entities = true;
  bool asks(IclTask task) const;
  // Relations are between the document's own entities.
  bool between_given(const data::Document& document) const;
};

// Without what the tasks will find anew.
data::Document cleared(const data::Document& document, const IclPlan& plan);

void add_entities(const std::vector<IclLabel>& labels, const std::vector<ScoredItem>& items,
                  data::Document& document);
// Ends are entities of that name, a new one where there is none. Those below `min_score` are left
// out; those without a score stay.
void add_relations(const data::Schema& schema, const std::vector<IclLabel>& labels,
                   const std::vector<ScoredItem>& items, double min_score,
                   data::Document& document);
// At the first place of each trigger.
void add_events(const std::vector<IclLabel>& labels, const std::vector<ScoredItem>& items,
                data::Document& document);
// Each at the place that is nearest to the trigger.
void add_arguments(const std::vector<IclLabel>& labels, const std::vector<ScoredItem>& items,
                   int event, data::Document& document);

}  // namespace relata::extract
