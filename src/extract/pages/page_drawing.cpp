#include "pages/page_drawing.h"

#include <fmt/format.h>

#include <algorithm>

#include "pages/page_layout.h"
#include "relata/base/html.h"

namespace relata::extract {
namespace {

constexpr size_t kEdgeLabel = 30;  // code points

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

// The best probability of the edge; one when none is known.
double strength_of(const GraphEdge& edge) {
  double best = -1;
  for (const GraphEdge::Label& label : edge.labels) best = std::max(best, label.best.value_or(-1));
  return best < 0 ? 1 : best;
}

std::string path_of(const GraphEdge& edge, const Layout& layout) {
  const Box& head = layout.nodes[edge.head];
  if (edge.head == edge.tail) {
    const double top = head.centre.y - head.height / 2;
    return fmt::format("M{:.1f} {:.1f}c-30 -34 30 -34 {:.1f} 0", head.centre.x - 8, top, 16.0);
  }
  const Curve curve = curve_between(head, layout.nodes[edge.tail]);
  return fmt::format("M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}", curve.from.x, curve.from.y,
                     curve.control.x, curve.control.y, curve.to.x, curve.to.y);
}

std::string link_svg(const RelationGraph& graph, const GraphEdge& edge, const Layout& layout) {
  const double strength = strength_of(edge);
  return fmt::format(
      "<g class=\"link\" data-l=\"{}-{}\"><title>{}</title><path d=\"{}\" stroke-width=\"{:.2f}\" "
      "stroke-opacity=\"{:.2f}\" marker-end=\"url(#arrow)\"/></g>\n",
      graph.nodes[edge.head].number, graph.nodes[edge.tail].number,
      escape_html(edge_title(graph, edge)), path_of(edge, layout), 0.8 + 1.4 * strength,
      0.3 + 0.6 * strength);
}

std::string node_svg(const GraphNode& node, const Box& box, int colour) {
  const std::string title =
      node.type.empty() ? node.text : fmt::format("{} ({})", node.text, node.type);
  return fmt::format(
      "<g class=\"node c{}\" data-n=\"{}\" tabindex=\"0\" role=\"button\" aria-label=\"{}\">"
      "<title>{}, relations: {}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
      "height=\"{:.1f}\" rx=\"{:.1f}\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n",
      colour, node.number, escape_html(title), escape_html(title), node.relations,
      box.centre.x - box.width / 2, box.centre.y - box.height / 2, box.width, box.height,
      box.height / 2, box.centre.x, box.centre.y + 4.5,
      escape_html(shortened(node.text, kNodeLabel)));
}

}  // namespace

std::string graph_svg(const RelationGraph& graph,
                      const std::function<int(const GraphNode&)>& colour_of) {
  const Layout layout = lay_out_labels(graph);
  std::vector<std::string> labels;
  for (const GraphEdge& edge : graph.edges) {
    labels.push_back(shortened(edge_names(edge), kEdgeLabel));
  }
  std::string out = fmt::format(
      "<svg class=\"graph\" id=\"overview\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"group\" "
      "aria-label=\"{} entities and {} links between them\">\n"
      "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 "
      "8z\"/></marker></defs>\n",
      layout.width, layout.height, graph.nodes.size(), graph.edges.size());
  for (const GraphEdge& edge : graph.edges) out += link_svg(graph, edge, layout);
  const auto places = place_edge_labels(graph, layout, labels);
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i]) continue;
    out += fmt::format(
        "<text class=\"edge\" data-l=\"{}-{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
        graph.nodes[graph.edges[i].head].number, graph.nodes[graph.edges[i].tail].number,
        places[i]->centre.x, places[i]->centre.y + 3.5, escape_html(labels[i]));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    out += node_svg(graph.nodes[i], layout.nodes[i], colour_of(graph.nodes[i]));
  }
  return out + "</svg>\n";
}

}  // namespace relata::extract
