#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "relata/base/plot.h"
#include "relata/extract/calibrate.h"

namespace relata::extract {
namespace {

constexpr double kLargestDot = 9.0, kSmallestDot = 2.0;  // radii

// A dot's area grows with the number of its facts.
PlotCurve reliability_curve(const std::vector<ScoredOutcome>& outcomes, const std::string& colour,
                            const std::string& name) {
  const std::vector<ReliabilityBin> bins = reliability_bins(outcomes);
  int64_t most = 1;
  for (const ReliabilityBin& bin : bins) most = std::max(most, bin.count);
  PlotCurve curve;
  for (const ReliabilityBin& bin : bins) {
    if (bin.count == 0) continue;
    const double share = static_cast<double>(bin.count) / static_cast<double>(most);
    curve.points.push_back(
        {bin.score, bin.accuracy, std::max(kLargestDot * std::sqrt(share), kSmallestDot)});
  }
  curve.colour = colour;
  curve.name = fmt::format("{}: expected calibration error {:.3f}", name,
                           expected_calibration_error(outcomes));
  return curve;
}

}  // namespace

std::string reliability_svg(const std::vector<ScoredOutcome>& before,
                            const std::vector<ScoredOutcome>& after) {
  Plot plot;
  plot.x_name = "stated probability";
  plot.x_numbers = true;
  plot.left = {"share of facts that are right", "#222", 1.0};
  plot.curves.push_back({.points = {{0, 0}, {1, 1}}, .colour = "#999", .dashed = true});
  plot.curves.push_back(reliability_curve(before, "#b4451f", "before"));
  plot.curves.push_back(reliability_curve(after, "#1f5fa8", "after, cross-fitted"));
  return plot_svg(plot);
}

}  // namespace relata::extract
