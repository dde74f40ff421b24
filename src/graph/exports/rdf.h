// A graph as RDF, before it is written in one syntax or another.
//
// Every link is one plain triple, and a rdf:Statement about that triple with its probability and a
// node for each place where it was read; RDF 1.1 has no shorter form that all stores read. Places
// in texts are IRIs with RFC 5147's character ranges.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relata/graph/graph.h"

namespace relata::graph {

constexpr std::pair<std::string_view, std::string_view> kRdfPrefixes[] = {
    {"rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"},
    {"rdfs", "http://www.w3.org/2000/01/rdf-schema#"},
    {"xsd", "http://www.w3.org/2001/XMLSchema#"},
    {"skos", "http://www.w3.org/2004/02/skos/core#"},
    {"dcterms", "http://purl.org/dc/terms/"},
    {"prov", "http://www.w3.org/ns/prov#"},
    {"relata", "urn:relata:vocabulary#"}};

struct RdfProperty;

enum class RdfKind { kName, kIri, kText, kNumber, kBlank };
struct RdfValue {
  RdfKind kind = RdfKind::kText;
  std::string text;  // kName: "rdf:Statement"; the rest as it is, without any escaping
  std::vector<RdfProperty> inner;  // of kBlank
};

struct RdfProperty {
  RdfKind kind = RdfKind::kName;  // kName or kIri
  std::string predicate;
  std::vector<RdfValue> values;  // at least one
};

struct RdfResource {
  std::string iri;
  std::vector<RdfProperty> properties;
};

std::vector<RdfResource> to_rdf(const Graph& graph, const std::string& base);

}  // namespace relata::graph
