// The drawing of a page as SVG.
#pragma once

#include <functional>
#include <string>

#include "page_graph.h"

namespace relata::extract {

// `colour_of` gives a node its class, 0 to 7. Nodes and links carry their numbers (data-n, data-l),
// by which the page's script finds them.
std::string graph_svg(const RelationGraph& graph,
                      const std::function<int(const GraphNode&)>& colour_of);

}  // namespace relata::extract
