// A drawing of curves, as an SVG page of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace relata {

struct PlotPoint {
  double x = 0.0, y = 0.0;
  double radius = 0.0;  // of a dot there, in pixels; 0: none
};

struct PlotAxis {
  std::string name;
  std::string colour;
  double high = 1.0;  // it goes from 0 to this
};

struct PlotCurve {
  std::vector<PlotPoint> points;
  std::string colour;
  std::string name = {};  // listed below the axes' names; "" is not
  bool by_right = false;  // by the right axis
  bool dashed = false;
};

struct Plot {
  std::string x_name;
  double last_x = 1.0;     // x goes from 0 to this
  bool x_numbers = false;  // at the quarters, as the axes have them
  PlotAxis left;
  std::optional<PlotAxis> right = {};
  std::vector<PlotCurve> curves = {};
};

std::string plot_svg(const Plot& plot);

}  // namespace relata
