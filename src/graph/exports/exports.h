// The forms of a graph, each in its own source file, and the escaping they share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/graph/export.h"

namespace relata::graph {

std::string to_turtle(const Graph& graph, const std::string& base);
std::string to_json_ld(const Graph& graph, const std::string& base);
std::string to_graphml(const Graph& graph);
std::vector<ExportFile> to_neo4j_csv(const Graph& graph);
std::string to_cypher(const Graph& graph);

// Where a link was read, as compact JSON, for forms whose edges hold plain values only.
std::string provenance_json(const Graph& graph, const Link& link);
// The quotes of all sightings, each once, in order.
std::vector<std::string> evidence_of(const Link& link);
// The ids of the documents a link was read in, each once, in order.
std::vector<std::string> documents_of(const Graph& graph, const Link& link);
std::string list_json(const std::vector<std::string>& list);
// The shortest decimal that reads back as the same number.
std::string number_text(double value);
// "P17" is a property of Wikidata, and so is "P0131"; "" is not.
bool is_wikidata_property(std::string_view id);

}  // namespace relata::graph
