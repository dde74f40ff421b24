#include "pages/page_layout.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

#include "relata/text/utf8.h"

namespace relata::extract {
namespace {

constexpr double kFrameWidths[] = {820, 900, 980};  // the first whose frame is not too tall
constexpr double kTallest = 0.9;                    // height to width
constexpr double kEdgeWidth = 165;                  // mean length of edges, across and down
constexpr double kEdgeHeight = 92;
constexpr size_t kSmallPart = 12;  // nodes
constexpr double kGap = 8;         // between labels
constexpr double kPartGap = 28;    // between parts that nothing links
constexpr double kPillHeight = 24;
constexpr double kPillEnds = 20;  // around the text of a label
constexpr double kBend = 0.12;    // of an edge's length

double length_of(const Point& p) { return std::max(std::hypot(p.x, p.y), 1e-9); }

// Of one character, as a part of the font size.
double character_width(char32_t c) {
  constexpr std::string_view kNarrow = "iljtfr.,:;'|!()[] ";
  constexpr std::string_view kWide = "mwMW@%&";
  if (c >= 0x1100) return 1.05;  // Hangul, CJK, emoji; an over-estimate for the few others
  if (c < 0x80 && kNarrow.find(static_cast<char>(c)) != std::string_view::npos) return 0.4;
  if (c < 0x80 && kWide.find(static_cast<char>(c)) != std::string_view::npos) return 0.98;
  const bool small = c >= 'a' && c <= 'z';
  return small ? 0.6 : 0.74;
}

// Pushes overlapping boxes apart along the axis that needs less; false if some still overlap.
bool separate(std::vector<Box>& boxes) {
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    bool moved = false;
    for (size_t i = 0; i < boxes.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        Box& a = boxes[i];
        Box& b = boxes[j];
        if (!overlap(a, b, kGap)) continue;
        moved = true;
        const double dx = a.centre.x - b.centre.x;
        const double dy = a.centre.y - b.centre.y;
        // A little more than needed, so that rounding does not leave a touch.
        const double need_x = (a.width + b.width) / 2 + kGap - std::abs(dx) + 0.5;
        const double need_y = (a.height + b.height) / 2 + kGap - std::abs(dy) + 0.5;
        if (need_x < need_y) {
          const double push = std::copysign(need_x / 2, dx);
          a.centre.x += push;
          b.centre.x -= push;
        } else {
          const double push = std::copysign(need_y / 2, dy);
          a.centre.y += push;
          b.centre.y -= push;
        }
      }
    }
    if (!moved) return true;
  }
  return false;
}

}  // namespace

bool overlap(const Box& a, const Box& b, double gap) {
  return std::abs(a.centre.x - b.centre.x) < (a.width + b.width) / 2 + gap &&
         std::abs(a.centre.y - b.centre.y) < (a.height + b.height) / 2 + gap;
}

std::string shortened(const std::string& text, size_t most) {
  if (text::count_code_points(text) <= most) return text;
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (begins && ++seen == most) break;
  }
  return text.substr(0, end) + "…";
}

double text_width(const std::string& text, double font_size) {
  double width = 0;
  for (const char32_t c : text::to_code_points(text)) width += character_width(c) * font_size;
  return width;
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

namespace {

// What links hold together: a graph of its own, and where its nodes are in the whole.
struct Part {
  RelationGraph graph;
  std::vector<size_t> nodes;
  std::vector<Box> boxes;  // with their centres relative to the part's upper left corner
  double width = 0.0;
  double height = 0.0;
};

size_t root_of(std::vector<size_t>& parents, size_t node) {
  while (parents[node] != node) node = parents[node] = parents[parents[node]];
  return node;
}

std::vector<Part> parts_of(const RelationGraph& graph) {
  std::vector<size_t> parents(graph.nodes.size());
  std::iota(parents.begin(), parents.end(), size_t{0});
  for (const GraphEdge& edge : graph.edges) {
    parents[root_of(parents, edge.head)] = root_of(parents, edge.tail);
  }
  std::map<size_t, size_t> part_of;  // by root
  std::vector<Part> parts;
  std::vector<std::pair<size_t, size_t>> places;  // part and index in it, per node
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto [found, fresh] = part_of.try_emplace(root_of(parents, i), parts.size());
    if (fresh) parts.emplace_back();
    Part& part = parts[found->second];
    places.emplace_back(found->second, part.nodes.size());
    part.nodes.push_back(i);
    part.graph.nodes.push_back(graph.nodes[i]);
  }
  for (const GraphEdge& edge : graph.edges) {
    parts[places[edge.head].first].graph.edges.push_back(
        {places[edge.head].second, places[edge.tail].second, {}});
  }
  return parts;
}

double mean_edge(const RelationGraph& graph, const std::vector<Point>& at) {
  double sum = 0;
  int count = 0;
  for (const GraphEdge& edge : graph.edges) {
    if (edge.head == edge.tail) continue;
    sum += length_of({at[edge.head].x - at[edge.tail].x, at[edge.head].y - at[edge.tail].y});
    ++count;
  }
  return count == 0 ? 1 : sum / count;
}

void lay_out_part(Part& part, const std::vector<Box>& sizes) {
  const std::vector<Point> unit = lay_out(part.graph);
  const double edge = mean_edge(part.graph, unit);
  // In a small part there is room for the names of its relations.
  const double room = part.nodes.size() <= kSmallPart ? 1.35 : 1.0;
  double x_scale = kEdgeWidth * room / edge, y_scale = kEdgeHeight * room / edge;
  // Positions differ, so that at a scale that is large enough nothing needs to be pushed.
  constexpr int kMostGrowths = 60;
  for (int growth = 0; growth < kMostGrowths; ++growth) {
    part.boxes.clear();
    for (size_t i = 0; i < unit.size(); ++i) {
      part.boxes.push_back(sizes[part.nodes[i]]);
      part.boxes.back().centre = {unit[i].x * x_scale, unit[i].y * y_scale};
    }
    if (separate(part.boxes)) break;
    x_scale *= 1.15;
    y_scale *= 1.15;
  }
  Point low{1e9, 1e9}, high{-1e9, -1e9};
  for (const Box& box : part.boxes) {
    low.x = std::min(low.x, box.centre.x - box.width / 2);
    low.y = std::min(low.y, box.centre.y - box.height / 2);
    high.x = std::max(high.x, box.centre.x + box.width / 2);
    high.y = std::max(high.y, box.centre.y + box.height / 2);
  }
  for (Box& box : part.boxes) {
    box.centre.x -= low.x;
    box.centre.y -= low.y;
  }
  part.width = high.x - low.x;
  part.height = high.y - low.y;
  for (const GraphEdge& link : part.graph.edges) {
    if (link.head != link.tail) continue;  // room for its loop
    part.height += kPillHeight;
    for (Box& box : part.boxes) box.centre.y += kPillHeight;
    break;
  }
}

// Parts in rows, the tallest first, each row in the middle of the frame.
void pack(const std::vector<Part>& parts, double width, Layout& layout) {
  std::vector<size_t> order(parts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parts[a].height > parts[b].height; });
  for (const Part& part : parts) width = std::max(width, part.width + kPartGap);
  layout.width = width;
  double top = kPartGap / 2;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double used = 0, tallest = 0;
    while (end < order.size() && used + parts[order[end]].width + kPartGap <= width + 1e-6) {
      used += parts[order[end]].width + kPartGap;
      tallest = std::max(tallest, parts[order[end]].height);
      ++end;
    }
    const double spare = (width - used) / static_cast<double>(end - begin);
    double left = kPartGap / 2;
    for (; begin < end; ++begin) {
      const Part& part = parts[order[begin]];
      for (size_t i = 0; i < part.nodes.size(); ++i) {
        layout.nodes[part.nodes[i]].centre = {
            left + spare / 2 + part.boxes[i].centre.x,
            top + (tallest - part.height) / 2 + part.boxes[i].centre.y};
      }
      left += part.width + kPartGap + spare;
    }
    top += tallest + kPartGap;
  }
  layout.height = top - kPartGap / 2;
}

}  // namespace

Layout lay_out_labels(const RelationGraph& graph) {
  Layout layout;
  for (const GraphNode& node : graph.nodes) {
    const double width = text_width(shortened(node.text, kNodeLabel), kFontSize) + kPillEnds;
    layout.nodes.push_back({{}, width, kPillHeight});
  }
  std::vector<Part> parts = parts_of(graph);
  for (Part& part : parts) lay_out_part(part, layout.nodes);
  for (const double width : kFrameWidths) {
    pack(parts, width, layout);
    if (layout.height <= kTallest * layout.width) break;
  }
  return layout;
}

Point Curve::at(double part) const {
  const double rest = 1 - part;
  return {rest * rest * from.x + 2 * rest * part * control.x + part * part * to.x,
          rest * rest * from.y + 2 * rest * part * control.y + part * part * to.y};
}

Curve curve_between(const Box& from, const Box& to) {
  const Point way{to.centre.x - from.centre.x, to.centre.y - from.centre.y};
  Curve curve;
  curve.from = from.centre;
  curve.control = {(from.centre.x + to.centre.x) / 2 - way.y * kBend,
                   (from.centre.y + to.centre.y) / 2 + way.x * kBend};
  // Where the line from the control point to the centre enters the box.
  const Point back{curve.control.x - to.centre.x, curve.control.y - to.centre.y};
  const double across = std::abs(back.x) < 1e-9 ? 1e9 : (to.width / 2 + 2) / std::abs(back.x);
  const double along = std::abs(back.y) < 1e-9 ? 1e9 : (to.height / 2 + 2) / std::abs(back.y);
  const double part = std::min({across, along, 1.0});
  curve.to = {to.centre.x + back.x * part, to.centre.y + back.y * part};
  return curve;
}

std::vector<std::optional<Box>> place_edge_labels(const RelationGraph& graph, const Layout& layout,
                                                  const std::vector<std::string>& labels) {
  constexpr double kEdgeFont = 11;
  constexpr double kParts[] = {0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73};
  std::vector<Box> taken = layout.nodes;
  std::vector<std::optional<Box>> out(graph.edges.size());
  for (size_t i = 0; i < graph.edges.size(); ++i) {
    const GraphEdge& edge = graph.edges[i];
    if (edge.head == edge.tail) continue;
    const Curve curve = curve_between(layout.nodes[edge.head], layout.nodes[edge.tail]);
    for (const double part : kParts) {
      const Box box{curve.at(part), text_width(labels[i], kEdgeFont), kEdgeFont + 3};
      const bool outside =
          box.centre.x < box.width / 2 || box.centre.x > layout.width - box.width / 2;
      if (outside || std::any_of(taken.begin(), taken.end(),
                                 [&](const Box& other) { return overlap(box, other, 2); })) {
        continue;
      }
      taken.push_back(box);
      out[i] = box;
      break;
    }
  }
  return out;
}

}  // namespace relata::extract
