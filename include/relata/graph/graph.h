// A knowledge graph over documents: entities merged by name and type, links between them, and for
// every link where it was read and how probable it is.
//
// Two entities are one node when their types are equal and their names are, in normal form: Unicode
// NFC, runs of white space as one space, capitals folded unless GraphOptions says otherwise. The
// name that people see is the first spelling. Nothing else is merged: "Dr. Lund" and "Lund"
// stay two.
//
// Threads: a Graph may be read by several; a GraphBuilder belongs to one.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"

namespace relata::graph {

// Half-open, in Unicode code points of the document's text.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  auto operator<=>(const Span&) const = default;
};

struct Quote {
  Span span;
  std::string text;  // what the document has there
  bool operator==(const Quote&) const = default;
};

// Where a link was read: one relation of one document.
struct Sighting {
  size_t document = 0;          // index into Graph::documents
  std::optional<double> score;  // probability, if it is known
  std::vector<Span> head;       // mentions of the head; empty if the text has none
  std::vector<Span> tail;
  std::vector<Quote> evidence;  // may be empty
  bool operator==(const Sighting&) const = default;
};

struct Source {
  std::string id;         // what the document states, with a number behind it where that was taken
  std::string sha256;     // of the text in UTF-8: tells documents of the same id apart
  std::string stated_id;  // without the number
};

struct Node {
  std::string id;    // of normal form and type, percent-encoded ASCII: stable over runs and inputs
  std::string name;  // the first spelling
  std::string type;  // "" when the documents state none
  std::vector<std::string> names;  // other spellings and names of mentions, sorted
};

struct LinkType {
  std::string id;    // as in the documents: "P17", "拥有"
  std::string name;  // for people
};

struct Link {
  size_t head = 0;  // index into Graph::nodes
  size_t tail = 0;
  size_t type = 0;              // index into Graph::types
  std::optional<double> score;  // the best of the sightings' scores
  std::vector<Sighting> sightings;
};

struct Graph {
  std::vector<Source> documents;
  std::vector<LinkType> types;
  std::vector<Node> nodes;
  std::vector<Link> links;  // at most one of each (head, type, tail)
};

struct GraphOptions {
  bool match_case = false;    // "IT" and "it" stay two nodes
  bool all_entities = false;  // also those without a relation
  double min_score = 0.0;     // relations below are left out; those of unknown probability stay
};

// What did not become part of the graph.
struct LeftOut {
  size_t negative = 0;  // relations that state that there is none
  size_t unlikely = 0;  // below min_score
  size_t unnamed = 0;   // relations of an entity without a name
};

// Collects documents and graphs; adding the same twice changes nothing. Documents of equal id and
// different text stay apart: the later gets a number behind its id. Cost: linear in what is added.
class GraphBuilder {
 public:
  // `schema` gives relations their names and says which are negative; a relation outside it has its
  // id as its name.
  GraphBuilder(data::Schema schema, GraphOptions options);

  void add(const data::Document& document);
  void add(const Graph& graph);
  const LeftOut& left_out() const { return left_out_; }

  // The graph so far. Order: of first appearance.
  Graph finish();

 private:
  size_t source_of(const std::string& stated_id, const std::string& sha256);
  std::optional<size_t> node_of(const std::string& name, const std::string& type);
  size_t type_of(const std::string& id, const std::string& name);
  void add_name(size_t node, const std::string& name);
  void add_sighting(size_t head, size_t type, size_t tail, Sighting sighting);
  bool is_wanted(const std::string& type, const std::optional<double>& score);
  void add_relation(const data::Document& document, const data::Relation& relation, size_t source,
                    const text::OffsetMap& offsets);

  data::Schema schema_;
  GraphOptions options_;
  LeftOut left_out_;
  Graph graph_;
  std::vector<std::set<std::string>> names_;  // of each node, besides the first
  std::vector<bool> linked_;                  // nodes that are kept
  std::map<std::pair<std::string, std::string>, size_t> sources_;  // by stated id and hash
  std::unordered_set<std::string> source_ids_;
  std::unordered_map<std::string, size_t> nodes_, types_;
  std::map<std::pair<std::pair<size_t, size_t>, size_t>, size_t> links_;
  // Of a link in a document, by their numbers.
  std::map<std::pair<size_t, size_t>, std::vector<size_t>> sightings_;
};

// The normal form of a name that makes two entities one: see above. "" for white space only.
std::string normal_name(std::string_view name, bool match_case);

// Reading what was written gives the same graph. `where` begins error messages.
std::string graph_to_json(const Graph& graph);
Result<Graph> graph_from_json(std::string_view text, const std::string& where);
// Whether a file that begins like this was written by graph_to_json().
bool looks_like_graph(std::string_view text);

}  // namespace relata::graph
