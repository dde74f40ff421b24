// A graph as one JSON file, there and back.
#include <fmt/format.h>

#include <limits>

#include "relata/base/json.h"
#include "relata/graph/graph.h"

namespace relata::graph {
namespace {

constexpr std::string_view kMark = "relata-graph";
constexpr int kVersion = 1;

Json spans_to_json(const std::vector<Span>& spans) {
  Json out = Json::array();
  for (const Span& span : spans) out.push_back({span.begin, span.end});
  return out;
}

Json sighting_to_json(const Graph& graph, const Sighting& sighting) {
  Json out = {{"document", graph.documents[sighting.document].id}};
  if (sighting.score) out["score"] = *sighting.score;
  out["head_mentions"] = spans_to_json(sighting.head);
  out["tail_mentions"] = spans_to_json(sighting.tail);
  Json& evidence = out["evidence"] = Json::array();
  for (const Quote& quote : sighting.evidence) {
    evidence.push_back({{"span", {quote.span.begin, quote.span.end}}, {"text", quote.text}});
  }
  return out;
}

Json link_to_json(const Graph& graph, const Link& link) {
  Json out = {{"head", graph.nodes[link.head].id},
              {"relation", graph.types[link.type].id},
              {"tail", graph.nodes[link.tail].id}};
  if (link.score) out["score"] = *link.score;
  Json& sightings = out["sightings"] = Json::array();
  for (const Sighting& sighting : link.sightings) {
    sightings.push_back(sighting_to_json(graph, sighting));
  }
  return out;
}

// A list of the file, an object a line.
std::string lines_of(const char* key, const Json& list) {
  std::string out = fmt::format("  \"{}\": [", key);
  for (size_t i = 0; i < list.size(); ++i) {
    out += (i == 0 ? "\n    " : ",\n    ") +
           list[i].dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return out + (list.empty() ? "]" : "\n  ]");
}

// Reads a file that may be anything. Throws Problem or Json::exception.
class GraphReader {
 public:
  struct Problem {
    std::string what;
  };

  Graph read(const Json& value) {
    if (value.value("format", "") != kMark) throw Problem{"no graph of relata"};
    if (value.at("version").get<int>() != kVersion) throw Problem{"written by a newer relata"};
    for (const Json& item : value.at("documents")) {
      add(documents_, item, graph_.documents.size());
      const std::string id = text_of(item, "id");
      graph_.documents.push_back({id, text_of(item, "sha256"), item.value("stated_id", id)});
    }
    for (const Json& item : value.at("relations")) {
      add(types_, item, graph_.types.size());
      graph_.types.push_back({text_of(item, "id"), text_of(item, "name")});
    }
    for (const Json& item : value.at("nodes")) read_node(item);
    for (const Json& item : value.at("links")) read_link(item);
    return std::move(graph_);
  }

 private:
  using Index = std::unordered_map<std::string, size_t>;

  static std::string text_of(const Json& item, const char* key) {
    return item.at(key).get<std::string>();
  }
  static void add(Index& index, const Json& item, size_t place) {
    const std::string id = text_of(item, "id");
    if (!index.try_emplace(id, place).second) throw Problem{"the id \"" + id + "\" occurs twice"};
  }
  static size_t find(const Index& index, const std::string& id) {
    const auto found = index.find(id);
    if (found == index.end()) throw Problem{"\"" + id + "\" is used and not listed"};
    return found->second;
  }
  static Span span_of(const Json& value) {
    const auto range = value.get<std::vector<int64_t>>();
    if (range.size() != 2 || range[0] < 0 || range[1] < range[0]) throw Problem{"a bad span"};
    return {static_cast<size_t>(range[0]), static_cast<size_t>(range[1])};
  }
  static std::vector<Span> spans_of(const Json& list) {
    std::vector<Span> out;
    for (const Json& item : list) out.push_back(span_of(item));
    return out;
  }
  static std::optional<double> score_of(const Json& item) {
    if (!item.contains("score")) return std::nullopt;
    const auto score = item.at("score").get<double>();
    if (!(score >= 0 && score <= 1)) throw Problem{"a score outside 0 to 1"};
    return score;
  }

  void read_node(const Json& item) {
    add(nodes_, item, graph_.nodes.size());
    Node node{text_of(item, "id"), text_of(item, "name"), text_of(item, "type"), {}};
    if (normal_name(node.name, false).empty()) throw Problem{"a node without a name"};
    if (item.contains("names")) node.names = item.at("names").get<std::vector<std::string>>();
    graph_.nodes.push_back(std::move(node));
  }

  void read_link(const Json& item) {
    Link link;
    link.head = find(nodes_, text_of(item, "head"));
    link.tail = find(nodes_, text_of(item, "tail"));
    link.type = find(types_, text_of(item, "relation"));
    link.score = score_of(item);
    for (const Json& entry : item.at("sightings")) {
      Sighting sighting;
      sighting.document = find(documents_, text_of(entry, "document"));
      sighting.score = score_of(entry);
      sighting.head = spans_of(entry.at("head_mentions"));
      sighting.tail = spans_of(entry.at("tail_mentions"));
      for (const Json& quote : entry.at("evidence")) {
        sighting.evidence.push_back({span_of(quote.at("span")), text_of(quote, "text")});
      }
      link.sightings.push_back(std::move(sighting));
    }
    if (link.sightings.empty()) throw Problem{"a link without a sighting"};
    graph_.links.push_back(std::move(link));
  }

  Graph graph_;
  Index documents_, types_, nodes_;
};

}  // namespace

std::string graph_to_json(const Graph& graph) {
  Json documents = Json::array();
  Json relations = Json::array();
  Json nodes = Json::array();
  Json links = Json::array();
  for (const Source& source : graph.documents) {
    Json& item = documents.emplace_back(Json{{"id", source.id}, {"sha256", source.sha256}});
    if (source.stated_id != source.id) item["stated_id"] = source.stated_id;
  }
  for (const LinkType& type : graph.types) {
    relations.push_back({{"id", type.id}, {"name", type.name}});
  }
  for (const Node& node : graph.nodes) {
    Json& item =
        nodes.emplace_back(Json{{"id", node.id}, {"name", node.name}, {"type", node.type}});
    if (!node.names.empty()) item["names"] = node.names;
  }
  for (const Link& link : graph.links) links.push_back(link_to_json(graph, link));
  return fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {},\n{},\n{},\n{},\n{}\n}}\n",
                     kMark, kVersion, lines_of("documents", documents),
                     lines_of("relations", relations), lines_of("nodes", nodes),
                     lines_of("links", links));
}

bool looks_like_graph(std::string_view text) {
  constexpr size_t kBeginning = 200;
  const size_t brace = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return brace != std::string_view::npos && text[brace] == '{' &&
         text.substr(brace, kBeginning).find("\"relata-graph\"") != std::string_view::npos;
}

Result<Graph> graph_from_json(std::string_view text, const std::string& where) {
  RELATA_TRY(const Json value, parse_json(text, where));
  const auto fail = [&](const std::string& what) {
    return input_error(fmt::format("{}: not a usable graph: {}", where, what),
                       "make it again with `relata graph build`");
  };
  try {
    return GraphReader().read(value);
  } catch (const GraphReader::Problem& problem) {
    return fail(problem.what);
  } catch (const Json::exception& problem) {
    return fail(problem.what());
  }
}

}  // namespace relata::graph
