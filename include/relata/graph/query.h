// Asking a graph: which links hold, and what is in it.
#pragma once

#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/graph/graph.h"

namespace relata::graph {

// Every member that is set must hold. Names are compared in normal form with capitals folded, with
// the node's name and its other names; relations by name or id.
struct Query {
  std::string entity;  // head or tail
  std::string head;
  std::string tail;
  std::string relation;
  std::string type;  // of head or tail
  double min_score = 0.0;
};

// Indices of links, the most probable first, those of unknown probability last. A name or relation
// that the graph does not have is an error that says the nearest one.
Result<std::vector<size_t>> find_links(const Graph& graph, const Query& query);

// For people, a line for each link and one for its best evidence; for programs, a record each.
std::string links_text(const Graph& graph, const std::vector<size_t>& links);
Json links_json(const Graph& graph, const std::vector<size_t>& links);

// Counts, the most frequent relations and types, and the best connected entities (`most` each).
Json graph_summary(const Graph& graph, size_t most);

}  // namespace relata::graph
