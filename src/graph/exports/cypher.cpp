// openCypher 9 statements. They merge: running them twice changes nothing.
#include <fmt/format.h>

#include "exports/exports.h"

namespace relata::graph {
namespace {

// Neo4j before 5 reads \uXXXX everywhere before it reads the statement, so a backslash of the text
// must not come to stand before a "u".
std::string string_literal(std::string_view text) {
  std::string out = "'";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      out += "\\\\";
      if (i + 1 < text.size() && text[i + 1] == 'u') {
        out += "\\u0075";
        ++i;
      }
    } else if (c == '\'') {
      out += "\\'";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "'";
}

// A label or relationship type. No escape means a backslash there in every version, and one could
// begin an escaped back quote: it becomes a slash, as control characters become spaces.
std::string name(std::string_view text) {
  std::string out = "`";
  for (const char c : text) {
    if (c == '`') {
      out += "``";
    } else if (c == '\\') {
      out += '/';
    } else {
      out += static_cast<unsigned char>(c) < ' ' || c == 0x7F ? ' ' : c;
    }
  }
  return out + "`";
}

std::string list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + string_literal(text);
  return out + "]";
}

}  // namespace

std::string to_cypher(const Graph& graph) {
  std::string out;
  for (const Node& node : graph.nodes) {
    out +=
        fmt::format("MERGE (e:Entity {{id: {}}}) SET e.name = {}, e.type = {}, e.names = {}{};\n",
                    string_literal(node.id), string_literal(node.name), string_literal(node.type),
                    list(node.names), node.type.empty() ? "" : ", e:" + name(node.type));
  }
  // The relation's id tells links of one name apart: "P17" is called "country", as another may be.
  for (const Link& link : graph.links) {
    const LinkType& type = graph.types[link.type];
    out += fmt::format(
        "MATCH (h:Entity {{id: {}}}), (t:Entity {{id: {}}}) "
        "MERGE (h)-[r:{} {{relation_id: {}}}]->(t) "
        "SET {}r.documents = {}, r.evidence = {}, r.provenance = {};\n",
        string_literal(graph.nodes[link.head].id), string_literal(graph.nodes[link.tail].id),
        name(type.name), string_literal(type.id),
        link.score ? fmt::format("r.probability = {}, ", number_text(*link.score)) : "",
        list(documents_of(graph, link)), list(evidence_of(link)),
        string_literal(provenance_json(graph, link)));
  }
  return out;
}

}  // namespace relata::graph
