#include "page_graph.h"

#include <algorithm>
#include <set>

namespace relata::extract {
namespace {

void add_label(GraphEdge& edge, const std::string& name, const std::optional<double>& score) {
  auto label = std::find_if(edge.labels.begin(), edge.labels.end(),
                            [&](const GraphEdge::Label& known) { return known.name == name; });
  if (label == edge.labels.end()) label = edge.labels.insert(label, {name, 0, {}});
  ++label->count;
  if (score && (!label->best || *score > *label->best)) label->best = score;
}

}  // namespace

const std::string& shown_relation(const data::Schema& schema, const std::string& id) {
  const int index = schema.find(id);
  if (index < 0) return id;
  const data::RelationType& type = schema.relation_types[static_cast<size_t>(index)];
  return type.name.empty() ? type.id : type.name;
}

RelationGraph relation_graph(const std::vector<data::Document>& documents,
                             const data::Schema& schema) {
  RelationGraph graph;
  std::map<std::pair<std::string, std::string>, size_t> nodes;
  std::map<std::pair<size_t, size_t>, size_t> edges;
  const auto node_of = [&](const data::Entity& entity) {
    const auto [place, fresh] = nodes.try_emplace({entity.text, entity.type}, graph.nodes.size());
    if (fresh) graph.nodes.push_back({entity.text, entity.type, 0, graph.nodes.size()});
    return place->second;
  };
  for (const data::Document& document : documents) {
    std::vector<int>& entity_nodes = graph.entity_nodes.emplace_back(document.entities.size(), -1);
    for (const data::Relation& relation : document.relations) {
      if (schema.is_negative(relation.type)) continue;
      const size_t head = node_of(document.entities.at(static_cast<size_t>(relation.head)));
      const size_t tail = node_of(document.entities.at(static_cast<size_t>(relation.tail)));
      entity_nodes[static_cast<size_t>(relation.head)] = static_cast<int>(head);
      entity_nodes[static_cast<size_t>(relation.tail)] = static_cast<int>(tail);
      ++graph.nodes[head].relations;
      ++graph.nodes[tail].relations;
      const auto [place, fresh] = edges.try_emplace({head, tail}, graph.edges.size());
      if (fresh) graph.edges.push_back({head, tail, {}});
      add_label(graph.edges[place->second], shown_relation(schema, relation.type), relation.score);
    }
  }
  return graph;
}

namespace {

// Nodes by number of relations, the most first; equal ones keep their order.
void sort_by_relations(const RelationGraph& graph, std::vector<size_t>& nodes) {
  std::stable_sort(nodes.begin(), nodes.end(), [&](size_t a, size_t b) {
    return graph.nodes[a].relations > graph.nodes[b].relations;
  });
}

// The nodes that others of the graph lead to or from, per node.
std::vector<std::vector<size_t>> neighbours_of(const RelationGraph& graph) {
  std::vector<std::vector<size_t>> neighbours(graph.nodes.size());
  for (const GraphEdge& edge : graph.edges) {
    if (edge.head == edge.tail) continue;
    neighbours[edge.head].push_back(edge.tail);
    neighbours[edge.tail].push_back(edge.head);
  }
  for (std::vector<size_t>& list : neighbours) sort_by_relations(graph, list);
  return neighbours;
}

}  // namespace

RelationGraph best_connected(const RelationGraph& graph, size_t count) {
  constexpr size_t kNeighbours = 7;  // of one node, so that it does not fill the drawing alone
  if (graph.nodes.size() <= count) return graph;
  const auto neighbours = neighbours_of(graph);
  std::vector<size_t> order(graph.nodes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  sort_by_relations(graph, order);
  std::set<size_t> chosen;
  for (const size_t node : order) {
    if (chosen.size() + 1 >= count) break;
    size_t taken = 0;
    for (const size_t neighbour : neighbours[node]) {
      const size_t room = count - chosen.size() - (chosen.contains(node) ? 0 : 1);
      if (taken == kNeighbours || room == 0) break;
      chosen.insert({node, neighbour});
      ++taken;
    }
  }
  RelationGraph out;
  std::map<size_t, size_t> new_index;
  for (const size_t node : chosen) {
    new_index[node] = out.nodes.size();
    out.nodes.push_back(graph.nodes[node]);
  }
  for (const GraphEdge& edge : graph.edges) {
    const auto head = new_index.find(edge.head);
    const auto tail = new_index.find(edge.tail);
    if (head == new_index.end() || tail == new_index.end()) continue;
    out.edges.push_back({head->second, tail->second, edge.labels});
  }
  return out;
}

}  // namespace relata::extract
