#include "relata/base/plot.h"

#include <fmt/format.h>

#include <algorithm>

#include "relata/base/html.h"

namespace relata {
namespace {

constexpr double kWidth = 720, kHeight = 360, kLeft = 56, kRight = 56, kTop = 24, kBottom = 40;
constexpr double kInnerWidth = kWidth - kLeft - kRight, kInnerHeight = kHeight - kTop - kBottom;
constexpr int kParts = 4;  // of an axis, between its lines

double x_place(const Plot& plot, double x) {
  return kLeft + kInnerWidth * x / std::max(1e-12, plot.last_x);
}

double y_place(const PlotAxis& axis, double y) {
  return kTop + kInnerHeight * (1.0 - y / std::max(1e-12, axis.high));
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& colour,
                    const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n",
                     x, y, anchor, colour, escape_html(text));
}

std::string grid(const Plot& plot) {
  std::string out;
  for (int i = 0; i <= kParts; ++i) {
    const double share = static_cast<double>(i) / kParts;
    const double y = kTop + kInnerHeight * (1.0 - share);
    out += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n",
                       kLeft, kWidth - kRight, y, y);
    const auto number = [&](double high) { return fmt::format("{:.3g}", high * share); };
    out += text_at(kLeft - 6, y + 4, "end", plot.left.colour, number(plot.left.high));
    if (plot.right) {
      out += text_at(kWidth - kRight + 6, y + 4, "start", plot.right->colour,
                     number(plot.right->high));
    }
    if (plot.x_numbers) {
      out += text_at(x_place(plot, plot.last_x * share), kHeight - kBottom + 14, "middle", "#555",
                     number(plot.last_x));
    }
  }
  return out;
}

std::string curve_svg(const Plot& plot, const PlotCurve& curve) {
  const PlotAxis& axis = curve.by_right && plot.right ? *plot.right : plot.left;
  std::string path, dots;
  for (const PlotPoint& point : curve.points) {
    const double x = x_place(plot, point.x);
    const double y = y_place(axis, point.y);
    path += fmt::format("{:.1f},{:.1f} ", x, y);
    if (point.radius <= 0) continue;
    dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
                        point.radius, curve.colour);
  }
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{} points=\"{}\"/>\n",
                     curve.colour, curve.dashed ? " stroke-dasharray=\"4 4\"" : "", path) +
         dots;
}

std::string names(const Plot& plot) {
  std::string out = text_at(kWidth / 2, kHeight - 8, "middle", "#222", plot.x_name) +
                    text_at(kLeft, 16, "start", plot.left.colour, plot.left.name);
  if (plot.right) {
    out += text_at(kWidth - kRight, 16, "end", plot.right->colour, plot.right->name);
  }
  double y = kTop + 18;
  for (const PlotCurve& curve : plot.curves) {
    if (curve.name.empty()) continue;
    out += text_at(kLeft + 10, y, "start", curve.colour, curve.name);
    y += 16;
  }
  return out;
}

}  // namespace

std::string plot_svg(const Plot& plot) {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, kHeight);
  svg += grid(plot);
  for (const PlotCurve& curve : plot.curves) svg += curve_svg(plot, curve);
  return svg + names(plot) + "</svg>\n";
}

}  // namespace relata
