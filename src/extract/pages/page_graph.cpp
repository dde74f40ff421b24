#include "page_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "relata/base/html.h"
#include "relata/text/utf8.h"

namespace relata::extract {
namespace {

constexpr double kWidth = 960;
constexpr double kHeight = 640;
constexpr double kMargin = 60;
constexpr double kRadius = 7;
constexpr double kBend = 0.12;  // of an edge's length: both directions stay apart
constexpr size_t kLabelLength = 24;

double length_of(const Point& p) { return std::max(std::hypot(p.x, p.y), 1e-9); }

// The text's first code points, with an ellipsis when some are left out.
std::string shortened(const std::string& text) {
  if (text::count_code_points(text) <= kLabelLength) return text;
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (begins && ++seen == kLabelLength) break;
  }
  return text.substr(0, end) + "…";
}

void add_label(GraphEdge& edge, const std::string& name, const std::optional<double>& score) {
  auto label = std::find_if(edge.labels.begin(), edge.labels.end(),
                            [&](const GraphEdge::Label& known) { return known.name == name; });
  if (label == edge.labels.end()) label = edge.labels.insert(label, {name, 0, {}});
  ++label->count;
  if (score && (!label->best || *score > *label->best)) label->best = score;
}

std::string edge_names(const GraphEdge& edge) {
  std::string out;
  for (const GraphEdge::Label& label : edge.labels) out += (out.empty() ? "" : ", ") + label.name;
  return out;
}

std::string edge_title(const RelationGraph& graph, const GraphEdge& edge) {
  std::string out;
  for (const GraphEdge::Label& label : edge.labels) {
    out += fmt::format("{}{} → {} → {}", out.empty() ? "" : "\n", graph.nodes[edge.head].text,
                       label.name, graph.nodes[edge.tail].text);
    if (label.best) out += fmt::format(", probability {:.2f}", *label.best);
    if (label.count > 1) out += fmt::format(", {} times", label.count);
  }
  return out;
}

std::string edge_text(double x, double y, const GraphEdge& edge) {
  return fmt::format("<text class=\"edge\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", x, y,
                     escape_html(shortened(edge_names(edge))));
}

std::string loop_svg(const Point& at, const GraphEdge& edge) {
  return fmt::format(
             "<path d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\" "
             "marker-end=\"url(#arrow)\"/>",
             at.x - kRadius, at.y - 2, at.x - 40, at.y - 45, at.x + 40, at.y - 45, at.x + kRadius,
             at.y - 2) +
         edge_text(at.x, at.y - 38, edge);
}

std::string edge_svg(const Point& from, const Point& to, const GraphEdge& edge) {
  if (edge.head == edge.tail) return loop_svg(from, edge);
  const Point way{to.x - from.x, to.y - from.y};
  const double length = length_of(way);
  const Point control{(from.x + to.x) / 2 - way.y * kBend, (from.y + to.y) / 2 + way.x * kBend};
  const Point back{control.x - to.x, control.y - to.y};
  const double stop = std::min(kRadius + 2, length / 2) / length_of(back);
  return fmt::format(
             "<path d=\"M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}\" marker-end=\"url(#arrow)\"/>",
             from.x, from.y, control.x, control.y, to.x + back.x * stop, to.y + back.y * stop) +
         // The middle of a quadratic curve.
         edge_text((from.x + to.x) / 4 + control.x / 2, (from.y + to.y) / 4 + control.y / 2, edge);
}

// Stretches the positions to the drawing's frame.
std::vector<Point> to_frame(std::vector<Point> points) {
  if (points.empty()) return points;
  Point low = points[0], high = points[0];
  for (const Point& p : points) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  const auto scaled = [](double value, double from, double to, double size) {
    const double part = to - from < 1e-9 ? 0.5 : (value - from) / (to - from);
    return kMargin + part * (size - 2 * kMargin);
  };
  for (Point& p : points) {
    p = {scaled(p.x, low.x, high.x, kWidth), scaled(p.y, low.y, high.y, kHeight)};
  }
  return points;
}

}  // namespace

const std::string& shown_relation(const data::Schema& schema, const std::string& id) {
  const int index = schema.find(id);
  if (index < 0) return id;
  const data::RelationType& type = schema.relation_types[static_cast<size_t>(index)];
  return type.name.empty() ? type.id : type.name;
}

bool is_negative(const data::Schema& schema, const std::string& id) {
  const int index = schema.find(id);
  return index >= 0 && schema.relation_types[static_cast<size_t>(index)].negative;
}

RelationGraph relation_graph(const std::vector<data::Document>& documents,
                             const data::Schema& schema) {
  RelationGraph graph;
  std::map<std::pair<std::string, std::string>, size_t> nodes;
  std::map<std::pair<size_t, size_t>, size_t> edges;
  const auto node_of = [&](const data::Entity& entity) {
    const auto [place, fresh] = nodes.try_emplace({entity.text, entity.type}, graph.nodes.size());
    if (fresh) graph.nodes.push_back({entity.text, entity.type, 0});
    return place->second;
  };
  for (const data::Document& document : documents) {
    for (const data::Relation& relation : document.relations) {
      if (is_negative(schema, relation.type)) continue;
      const size_t head = node_of(document.entities.at(static_cast<size_t>(relation.head)));
      const size_t tail = node_of(document.entities.at(static_cast<size_t>(relation.tail)));
      ++graph.nodes[head].relations;
      ++graph.nodes[tail].relations;
      const auto [place, fresh] = edges.try_emplace({head, tail}, graph.edges.size());
      if (fresh) graph.edges.push_back({head, tail, {}});
      add_label(graph.edges[place->second], shown_relation(schema, relation.type), relation.score);
    }
  }
  return graph;
}

namespace {

// Nodes by number of relations, the most first; equal ones keep their order.
void sort_by_relations(const RelationGraph& graph, std::vector<size_t>& nodes) {
  std::stable_sort(nodes.begin(), nodes.end(), [&](size_t a, size_t b) {
    return graph.nodes[a].relations > graph.nodes[b].relations;
  });
}

// The nodes that others of the graph lead to or from, per node.
std::vector<std::vector<size_t>> neighbours_of(const RelationGraph& graph) {
  std::vector<std::vector<size_t>> neighbours(graph.nodes.size());
  for (const GraphEdge& edge : graph.edges) {
    if (edge.head == edge.tail) continue;
    neighbours[edge.head].push_back(edge.tail);
    neighbours[edge.tail].push_back(edge.head);
  }
  for (std::vector<size_t>& list : neighbours) sort_by_relations(graph, list);
  return neighbours;
}

}  // namespace

RelationGraph best_connected(const RelationGraph& graph, size_t count) {
  constexpr size_t kNeighbours = 7;  // of one node, so that it does not fill the drawing alone
  if (graph.nodes.size() <= count) return graph;
  const auto neighbours = neighbours_of(graph);
  std::vector<size_t> order(graph.nodes.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  sort_by_relations(graph, order);
  std::set<size_t> chosen;
  for (const size_t node : order) {
    if (chosen.size() + 1 >= count) break;
    size_t taken = 0;
    for (const size_t neighbour : neighbours[node]) {
      const size_t room = count - chosen.size() - (chosen.contains(node) ? 0 : 1);
      if (taken == kNeighbours || room == 0) break;
      chosen.insert({node, neighbour});
      ++taken;
    }
  }
  RelationGraph out;
  std::map<size_t, size_t> new_index;
  for (const size_t node : chosen) {
    new_index[node] = out.nodes.size();
    out.nodes.push_back(graph.nodes[node]);
  }
  for (const GraphEdge& edge : graph.edges) {
    const auto head = new_index.find(edge.head);
    const auto tail = new_index.find(edge.tail);
    if (head == new_index.end() || tail == new_index.end()) continue;
    out.edges.push_back({head->second, tail->second, edge.labels});
  }
  return out;
}

std::vector<Point> lay_out(const RelationGraph& graph) {
  constexpr int kSteps = 300;
  const size_t count = graph.nodes.size();
  const auto total = static_cast<double>(std::max<size_t>(count, 1));
  std::vector<Point> at(count);
  // A sunflower: spread evenly, no two at one place, and no chance in it.
  for (size_t i = 0; i < count; ++i) {
    const double angle = static_cast<double>(i) * std::numbers::pi * (3 - std::sqrt(5.0));
    const double radius = 0.5 * std::sqrt((static_cast<double>(i) + 0.5) / total);
    at[i] = {0.5 + radius * std::cos(angle), 0.5 + radius * std::sin(angle)};
  }
  const double ideal = 0.9 / std::sqrt(total);
  for (int step = 0; step < kSteps; ++step) {
    std::vector<Point> force(count);
    const auto push = [&](size_t i, const Point& way, double strength) {
      const double length = length_of(way);
      force[i].x += way.x / length * strength;
      force[i].y += way.y / length * strength;
    };
    for (size_t i = 0; i < count; ++i) {
      // Parts that nothing links would drift away without this.
      push(i, {0.5 - at[i].x, 0.5 - at[i].y}, 0.5 * std::hypot(0.5 - at[i].x, 0.5 - at[i].y));
      for (size_t j = 0; j < count; ++j) {
        const Point way{at[i].x - at[j].x, at[i].y - at[j].y};
        if (i != j) push(i, way, ideal * ideal / length_of(way));
      }
    }
    for (const GraphEdge& edge : graph.edges) {
      if (edge.head == edge.tail) continue;
      const Point way{at[edge.tail].x - at[edge.head].x, at[edge.tail].y - at[edge.head].y};
      const double strength = length_of(way) * length_of(way) / ideal;
      push(edge.head, way, strength);
      push(edge.tail, {-way.x, -way.y}, strength);
    }
    const double limit = 0.1 * (1.0 - static_cast<double>(step) / kSteps);
    for (size_t i = 0; i < count; ++i) {
      const double length = length_of(force[i]);
      at[i].x += force[i].x / length * std::min(length, limit);
      at[i].y += force[i].y / length * std::min(length, limit);
    }
  }
  return at;
}

std::string graph_svg(const RelationGraph& graph) {
  const std::vector<Point> at = to_frame(lay_out(graph));
  std::string out = fmt::format(
      "<svg class=\"graph\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{} entities and {} "
      "links between them; the documents below list all of them\">\n"
      "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
      kWidth, kHeight, graph.nodes.size(), graph.edges.size());
  for (const GraphEdge& edge : graph.edges) {
    out += fmt::format("<g class=\"link\"><title>{}</title>{}</g>\n",
                       escape_html(edge_title(graph, edge)),
                       edge_svg(at[edge.head], at[edge.tail], edge));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    const std::string title =
        node.type.empty() ? node.text : fmt::format("{} ({})", node.text, node.type);
    out += fmt::format(
        "<g class=\"node\"><title>{}</title><circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n",
        escape_html(title), at[i].x, at[i].y, kRadius, at[i].x, at[i].y - kRadius - 4,
        escape_html(shortened(node.text)));
  }
  return out + "</svg>\n";
}

}  // namespace relata::extract
