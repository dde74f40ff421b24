// Where the drawing of a page puts entities and the names of relations: no two labels overlap.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "page_graph.h"

namespace relata::extract {

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct Box {
  Point centre;
  double width = 0.0;
  double height = 0.0;
};

// Positions of the nodes in the unit square: linked ones attract, all repel each other
// (Fruchterman and Reingold 1991). The same graph gets the same positions.
std::vector<Point> lay_out(const RelationGraph& graph);

struct Layout {
  double width = 0.0;  // of the frame
  double height = 0.0;
  std::vector<Box> nodes;  // each holds its label; apart from each other
};
// Parts of the graph that nothing links lie side by side. Units: pixels. Cost: quadratic in nodes.
Layout lay_out_labels(const RelationGraph& graph);

// A link from one box to another: a curve, bent to its left so that both directions stay apart.
struct Curve {
  Point from, control, to;  // `to` is at the border of the other box
  Point at(double part) const;
};
Curve curve_between(const Box& from, const Box& to);

// Where along its curve each edge's label fits without touching what is there already: boxes of
// nodes and labels placed before. Nothing for a label that fits nowhere.
std::vector<std::optional<Box>> place_edge_labels(const RelationGraph& graph, const Layout& layout,
                                                  const std::vector<std::string>& labels);

bool overlap(const Box& a, const Box& b, double gap);

constexpr double kFontSize = 13;   // of nodes
constexpr size_t kNodeLabel = 28;  // code points of a node's name that are shown
// At most so many code points, with an ellipsis when some are left out.
std::string shortened(const std::string& text, size_t most);
// An upper estimate of the width in common sans-serif fonts.
double text_width(const std::string& text, double font_size);

}  // namespace relata::extract
