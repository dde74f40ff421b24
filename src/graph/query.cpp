#include "relata/graph/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "relata/base/fields.h"
#include "relata/base/visible_text.h"

namespace relata::graph {
namespace {

bool is_named(const Node& node, const std::string& normal) {
  const auto same = [&](const std::string& name) { return normal_name(name, false) == normal; };
  return same(node.name) || std::any_of(node.names.begin(), node.names.end(), same);
}

// Which nodes have this name; all for "".
Result<std::vector<bool>> nodes_named(const Graph& graph, const std::string& name) {
  if (name.empty()) return std::vector<bool>(graph.nodes.size(), true);
  const std::string normal = normal_name(name, false);
  std::vector<bool> out(graph.nodes.size());
  std::vector<std::string> names;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    out[i] = is_named(graph.nodes[i], normal);
    names.push_back(graph.nodes[i].name);
  }
  if (std::find(out.begin(), out.end(), true) != out.end()) return out;
  const auto near = nearest_name(name, names);
  return input_error(fmt::format("the graph has no entity \"{}\"", name),
                     near ? fmt::format("did you mean \"{}\"?", *near)
                          : "`relata graph show` lists the best connected ones");
}

Result<std::vector<bool>> types_named(const Graph& graph, const std::string& name) {
  if (name.empty()) return std::vector<bool>(graph.types.size(), true);
  const std::string normal = normal_name(name, false);
  std::vector<bool> out(graph.types.size());
  std::vector<std::string> names;
  for (size_t i = 0; i < graph.types.size(); ++i) {
    const LinkType& type = graph.types[i];
    out[i] = type.id == name || normal_name(type.name, false) == normal;
    names.push_back(type.name);
  }
  if (std::find(out.begin(), out.end(), true) != out.end()) return out;
  const auto near = nearest_name(name, names);
  return input_error(fmt::format("the graph has no relation \"{}\"", name),
                     near ? fmt::format("did you mean \"{}\"?", *near)
                          : "`relata graph show` lists the relations");
}

// The sighting that is shown for a link: with evidence rather than without, then the most probable.
const Sighting& best_sighting(const Link& link) {
  return *std::max_element(link.sightings.begin(), link.sightings.end(),
                           [](const Sighting& a, const Sighting& b) {
                             return std::pair(!a.evidence.empty(), a.score.value_or(-1)) <
                                    std::pair(!b.evidence.empty(), b.score.value_or(-1));
                           });
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return text;
}

Json top(const std::map<std::string, size_t>& counts, size_t most) {
  std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (sorted.size() > most) sorted.resize(most);
  Json out = Json::object();
  for (const auto& [name, count] : sorted) out[name] = count;
  return out;
}

std::string title(const Node& node) {
  return node.type.empty() ? node.name : fmt::format("{} ({})", node.name, node.type);
}

size_t part_of(std::vector<size_t>& parents, size_t node) {
  while (parents[node] != node) node = parents[node] = parents[parents[node]];
  return node;
}

// Connected parts: groups of nodes that links hold together.
size_t count_parts(const Graph& graph) {
  std::vector<size_t> parents(graph.nodes.size());
  std::iota(parents.begin(), parents.end(), size_t{0});
  size_t parts = graph.nodes.size();
  for (const Link& link : graph.links) {
    const size_t head = part_of(parents, link.head);
    const size_t tail = part_of(parents, link.tail);
    if (head == tail) continue;
    parents[head] = tail;
    --parts;
  }
  return parts;
}

}  // namespace

Result<std::vector<size_t>> find_links(const Graph& graph, const Query& query) {
  RELATA_TRY(const std::vector<bool> either, nodes_named(graph, query.entity));
  RELATA_TRY(const std::vector<bool> heads, nodes_named(graph, query.head));
  RELATA_TRY(const std::vector<bool> tails, nodes_named(graph, query.tail));
  RELATA_TRY(const std::vector<bool> types, types_named(graph, query.relation));
  std::vector<size_t> out;
  for (size_t i = 0; i < graph.links.size(); ++i) {
    const Link& link = graph.links[i];
    const bool typed = query.type.empty() || graph.nodes[link.head].type == query.type ||
                       graph.nodes[link.tail].type == query.type;
    const bool likely = !link.score || *link.score >= query.min_score;
    if (typed && likely && types[link.type] && heads[link.head] && tails[link.tail] &&
        (either[link.head] || either[link.tail])) {
      out.push_back(i);
    }
  }
  std::stable_sort(out.begin(), out.end(), [&](size_t a, size_t b) {
    return graph.links[a].score.value_or(-1) > graph.links[b].score.value_or(-1);
  });
  return out;
}

std::string links_text(const Graph& graph, const std::vector<size_t>& links) {
  std::string out;
  for (const size_t index : links) {
    const Link& link = graph.links[index];
    const Sighting& best = best_sighting(link);
    out += fmt::format(
        "{}  {} → {} → {}\n", link.score ? fmt::format("{:.2f}", *link.score) : " -- ",
        graph.nodes[link.head].name, graph.types[link.type].name, graph.nodes[link.tail].name);
    out += "      " + one_line(graph.documents[best.document].id);
    if (!best.evidence.empty()) out += ": " + one_line(best.evidence.front().text);
    if (link.sightings.size() > 1) out += fmt::format(" (+{} more)", link.sightings.size() - 1);
    out += "\n";
  }
  return visible_text(out);  // names and ids may hold what a terminal obeys
}

Json links_json(const Graph& graph, const std::vector<size_t>& links) {
  Json out = Json::array();
  for (const size_t index : links) {
    const Link& link = graph.links[index];
    Json& item = out.emplace_back(Json{{"head", graph.nodes[link.head].name},
                                       {"head_type", graph.nodes[link.head].type},
                                       {"relation", graph.types[link.type].name},
                                       {"relation_id", graph.types[link.type].id},
                                       {"tail", graph.nodes[link.tail].name},
                                       {"tail_type", graph.nodes[link.tail].type}});
    if (link.score) item["score"] = *link.score;
    Json& sources = item["sources"] = Json::array();
    for (const Sighting& sighting : link.sightings) {
      Json& source =
          sources.emplace_back(Json{{"document", graph.documents[sighting.document].id}});
      if (sighting.score) source["score"] = *sighting.score;
      Json& evidence = source["evidence"] = Json::array();
      for (const Quote& quote : sighting.evidence) {
        evidence.push_back({{"span", {quote.span.begin, quote.span.end}}, {"text", quote.text}});
      }
    }
  }
  return out;
}

Json graph_summary(const Graph& graph, size_t most) {
  std::map<std::string, size_t> relations;
  std::map<std::string, size_t> types;
  std::map<std::string, size_t> entities;
  for (const Node& node : graph.nodes) ++types[node.type.empty() ? "no type" : node.type];
  for (const Link& link : graph.links) {
    ++relations[graph.types[link.type].name];
    ++entities[title(graph.nodes[link.head])];
    if (link.head != link.tail) ++entities[title(graph.nodes[link.tail])];
  }
  return {{"documents", graph.documents.size()},
          {"entities", graph.nodes.size()},
          {"links", graph.links.size()},
          {"connected parts", count_parts(graph)},
          {"relations", top(relations, most)},
          {"entity types", top(types, most)},
          {"links of entities", top(entities, most)}};
}

}  // namespace relata::graph
