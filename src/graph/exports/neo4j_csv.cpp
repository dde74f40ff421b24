// The files of Neo4j's bulk import: RFC 4180 with typed headers
// (https://neo4j.com/docs/operations-manual/current/import/).
#include <fmt/format.h>

#include <algorithm>

#include "exports/exports.h"

namespace relata::graph {
namespace {

// The import takes a line break in a field only when it is told to: they become spaces.
std::string field(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out + "\"";
}

// A semicolon would begin another label.
std::string labels(const std::string& type) {
  std::string label = type;
  std::replace(label.begin(), label.end(), ';', ',');
  return label.empty() ? "Entity" : "Entity;" + label;
}

}  // namespace

std::vector<ExportFile> to_neo4j_csv(const Graph& graph) {
  std::string nodes = "id:ID,name,type,names,:LABEL\r\n";
  for (const Node& node : graph.nodes) {
    nodes += fmt::format("{},{},{},{},{}\r\n", field(node.id), field(node.name), field(node.type),
                         field(list_json(node.names)), field(labels(node.type)));
  }
  std::string links =
      ":START_ID,:END_ID,:TYPE,relation_id,probability:double,documents,evidence,provenance\r\n";
  for (const Link& link : graph.links) {
    const LinkType& type = graph.types[link.type];
    links += fmt::format("{},{},{},{},{},{},{},{}\r\n", field(graph.nodes[link.head].id),
                         field(graph.nodes[link.tail].id), field(type.name), field(type.id),
                         link.score ? number_text(*link.score) : "",
                         field(list_json(documents_of(graph, link))),
                         field(list_json(evidence_of(link))), field(provenance_json(graph, link)));
  }
  return {{"nodes.csv", std::move(nodes)}, {"relationships.csv", std::move(links)}};
}

}  // namespace relata::graph
