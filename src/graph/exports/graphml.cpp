// GraphML: http://graphml.graphdrawing.org/specification.html
#include <fmt/format.h>

#include "exports/exports.h"
#include "relata/base/html.h"
#include "relata/text/utf8.h"

namespace relata::graph {
namespace {

// Escaped, line breaks kept through attribute and line-end normalisation; what XML 1.0 cannot hold
// becomes U+FFFD.
std::string xml_text(std::string_view text) {
  std::string legal;
  for (const char32_t c : text::to_code_points(text)) {
    const bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
    text::append_utf8(legal, control || c == 0xFFFE || c == 0xFFFF ? U'\uFFFD' : c);
  }
  std::string out;
  for (const char c : escape_html(legal)) {
    if (c == '\r' || c == '\n' || c == '\t') {
      out += fmt::format("&#{};", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string data(std::string_view key, std::string_view value) {
  return fmt::format("<data key=\"{}\">{}</data>", key, xml_text(value));
}

struct Key {
  const char* id;
  const char* domain;  // node or edge
  const char* name;
  const char* type;
};
constexpr Key kKeys[] = {{"label", "node", "label", "string"},
                         {"type", "node", "type", "string"},
                         {"iri", "node", "id", "string"},
                         {"names", "node", "names", "string"},
                         {"relation", "edge", "label", "string"},
                         {"relation_id", "edge", "relation_id", "string"},
                         {"probability", "edge", "probability", "double"},
                         {"documents", "edge", "documents", "string"},
                         {"evidence", "edge", "evidence", "string"},
                         {"provenance", "edge", "provenance", "string"}};

}  // namespace

std::string to_graphml(const Graph& graph) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n";
  for (const Key& key : kKeys) {
    out += fmt::format("  <key id=\"{}\" for=\"{}\" attr.name=\"{}\" attr.type=\"{}\"/>\n", key.id,
                       key.domain, key.name, key.type);
  }
  out += "  <graph id=\"relata\" edgedefault=\"directed\">\n";
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    out += fmt::format("    <node id=\"n{}\">{}{}{}{}</node>\n", i, data("label", node.name),
                       data("type", node.type), data("iri", node.id),
                       data("names", list_json(node.names)));
  }
  for (size_t i = 0; i < graph.links.size(); ++i) {
    const Link& link = graph.links[i];
    const LinkType& type = graph.types[link.type];
    out +=
        fmt::format("    <edge id=\"e{}\" source=\"n{}\" target=\"n{}\">{}{}{}{}{}{}</edge>\n", i,
                    link.head, link.tail, data("relation", type.name), data("relation_id", type.id),
                    link.score ? data("probability", number_text(*link.score)) : "",
                    data("documents", list_json(documents_of(graph, link))),
                    data("evidence", list_json(evidence_of(link))),
                    data("provenance", provenance_json(graph, link)));
  }
  return out + "  </graph>\n</graphml>\n";
}

}  // namespace relata::graph
