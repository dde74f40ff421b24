#include "relata/graph/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "exports/exports.h"
#include "exports/rdf.h"
#include "relata/base/fields.h"
#include "relata/base/json.h"

namespace relata::graph {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// RFC 3987: a scheme and a colon, then nothing that must not stand in an IRI.
bool is_absolute_iri(std::string_view iri) {
  const size_t colon = iri.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(iri[0])) return false;
  const auto in_scheme = [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  if (!std::all_of(iri.begin(), iri.begin() + static_cast<std::ptrdiff_t>(colon), in_scheme)) {
    return false;
  }
  // In JSON-LD such a scheme would be read as a prefix.
  for (const auto& [name, full] : kRdfPrefixes) {
    if (iri.substr(0, colon) == name) return false;
  }
  return std::all_of(iri.begin(), iri.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' &&
           std::string_view("<>\"{}|\\^`\x7F").find(c) == std::string_view::npos;
  });
}

// Texts in the order in which they first come.
class DistinctTexts {
 public:
  void add(const std::string& text) {
    if (known_.insert(text).second) list_.push_back(text);
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::unordered_set<std::string> known_;
  std::vector<std::string> list_;
};

}  // namespace

std::string provenance_json(const Graph& graph, const Link& link) {
  Json out = Json::array();
  const auto spans = [](const std::vector<Span>& list) {
    Json json = Json::array();
    for (const Span& span : list) json.push_back({span.begin, span.end});
    return json;
  };
  for (const Sighting& sighting : link.sightings) {
    Json item = {{"document", graph.documents[sighting.document].id}};
    if (sighting.score) item["probability"] = *sighting.score;
    item["head"] = spans(sighting.head);
    item["tail"] = spans(sighting.tail);
    Json& evidence = item["evidence"] = Json::array();
    for (const Quote& quote : sighting.evidence) {
      evidence.push_back({quote.span.begin, quote.span.end});
    }
    out.push_back(std::move(item));
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> evidence_of(const Link& link) {
  DistinctTexts out;
  for (const Sighting& sighting : link.sightings) {
    for (const Quote& quote : sighting.evidence) out.add(quote.text);
  }
  return out.take();
}

std::vector<std::string> documents_of(const Graph& graph, const Link& link) {
  DistinctTexts out;
  for (const Sighting& sighting : link.sightings) out.add(graph.documents[sighting.document].id);
  return out.take();
}

std::string list_json(const std::vector<std::string>& list) {
  return Json(list).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string number_text(double value) { return fmt::format("{}", value); }

bool is_wikidata_property(std::string_view id) {
  return id.size() > 1 && id[0] == 'P' &&
         std::all_of(id.begin() + 1, id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<ExportFormat> export_formats() {
  return {{"turtle", "RDF for rdflib, Jena, GraphDB and other stores", false},
          {"jsonld", "the same RDF as JSON", false},
          {"graphml", "for networkx, Gephi, yEd, Cytoscape", false},
          {"neo4j-csv", "a folder for `neo4j-admin database import`", true},
          {"cypher", "statements for Neo4j and Memgraph", false}};
}

Result<std::vector<ExportFile>> export_graph(const Graph& graph, const ExportOptions& options) {
  if (!is_absolute_iri(options.base)) {
    return usage_error(fmt::format("the base \"{}\" is no absolute IRI", options.base),
                       "write one like https://example.org/graph/");
  }
  const auto one = [](std::string content) {
    return std::vector<ExportFile>{{"", std::move(content)}};
  };
  if (options.format == "turtle") return one(to_turtle(graph, options.base));
  if (options.format == "jsonld") return one(to_json_ld(graph, options.base));
  if (options.format == "graphml") return one(to_graphml(graph));
  if (options.format == "neo4j-csv") return to_neo4j_csv(graph);
  if (options.format == "cypher") return one(to_cypher(graph));
  std::vector<std::string> names;
  for (const ExportFormat& format : export_formats()) names.push_back(format.name);
  const auto near = nearest_name(options.format, names);
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return usage_error(fmt::format("unknown form \"{}\"{}", options.format,
                                 near ? "; did you mean " + *near + "?" : ""),
                     "there are: " + all);
}

}  // namespace relata::graph
