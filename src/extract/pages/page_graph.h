// What an extraction page draws: who is related to whom, over all documents.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relata/data/document.h"
#include "relata/data/schema.h"

namespace relata::extract {

struct GraphNode {
  std::string text;
  std::string type;
  int relations = 0;  // that it takes part in
  size_t number = 0;  // in the graph of all documents
};

struct GraphEdge {
  size_t head = 0;  // index into RelationGraph::nodes
  size_t tail = 0;
  struct Label {
    std::string name;
    int count = 0;               // documents' relations
    std::optional<double> best;  // probability
  };
  std::vector<Label> labels;  // in order of appearance
};

struct RelationGraph {
  std::vector<GraphNode> nodes;  // only those with relations, in order of appearance
  std::vector<GraphEdge> edges;
  // The node of each entity of each document, or -1; not kept by best_connected().
  std::vector<std::vector<int>> entity_nodes;
};

// Entities of equal text and type are one node; negative relations are left out.
RelationGraph relation_graph(const std::vector<data::Document>& documents,
                             const data::Schema& schema);
// At most `count` nodes: those with the most relations (the earlier of equals), each with some of
// its neighbours, and the edges among them. No node stands alone, unless it relates to itself only.
RelationGraph best_connected(const RelationGraph& graph, size_t count);

// The relation's name for people.
const std::string& shown_relation(const data::Schema& schema, const std::string& id);

}  // namespace relata::extract
