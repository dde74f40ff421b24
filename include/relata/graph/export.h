// A graph in the forms that other programs open. Every form carries names, types, probabilities and
// provenance; docs/graph.md shows each.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/graph/graph.h"

namespace relata::graph {

struct ExportOptions {
  std::string format;                // of export_formats()
  std::string base = "urn:relata:";  // begins the IRIs of turtle and jsonld; an absolute IRI
};

struct ExportFile {
  std::string name;  // "" for a form of one file, else without folder: "nodes.csv"
  std::string content;
};

struct ExportFormat {
  std::string name;         // "turtle"
  std::string description;  // "RDF, for rdflib, Jena, GraphDB"
  bool is_folder = false;   // several files
};
std::vector<ExportFormat> export_formats();

// One file, or the files of a folder. Errors: an unknown format, a base that is no absolute IRI.
// Cost: linear; the result is held in memory.
Result<std::vector<ExportFile>> export_graph(const Graph& graph, const ExportOptions& options);

}  // namespace relata::graph
