#include "train_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "relata/base/file.h"
#include "relata/base/plot.h"

namespace relata::train {
namespace {

std::vector<PlotPoint> curve(const std::vector<Json>& lines, const std::string& key) {
  std::vector<PlotPoint> points;
  for (const Json& line : lines) {
    if (line.contains(key) && line[key].is_number() && line.contains("step")) {
      points.push_back({line["step"].get<double>(), line[key].get<double>()});
    }
  }
  return points;
}

// Beyond every step for a line that has none: another program wrote it.
int64_t step_of(const Json& line) {
  if (!line.is_object()) return INT64_MAX;
  const auto step = line.find("step");
  return step != line.end() && step->is_number_integer() ? step->get<int64_t>() : INT64_MAX;
}

}  // namespace

std::string loss_svg(const std::vector<Json>& lines) {
  const std::string blue = "#1f5fa8", red = "#b4451f";
  const std::vector<PlotPoint> loss = curve(lines, "loss");
  const std::vector<PlotPoint> metric = curve(lines, "metric");
  Plot plot;
  double high = 0;
  for (const PlotPoint& p : loss) {
    plot.last_x = std::max(plot.last_x, p.x);
    high = std::max(high, p.y);
  }
  for (const PlotPoint& p : metric) plot.last_x = std::max(plot.last_x, p.x);
  plot.x_name = fmt::format("step (0 to {})", static_cast<int64_t>(plot.last_x));
  plot.left = {"loss", blue, high > 0 ? high : 1.0};
  plot.curves.push_back({loss, blue});
  if (!metric.empty()) {
    plot.right = {"metric", red, 1.0};
    plot.curves.push_back({.points = metric, .colour = red, .by_right = true});
  }
  return plot_svg(plot);
}

Result<TrainLog> TrainLog::open(const std::string& folder, int64_t step) {
  const std::string path = folder + "/train_log.jsonl";
  std::vector<Json> lines;
  std::string kept;
  if (step > 0 && file_exists(path)) {
    RELATA_TRY(const std::string text, read_file(path));
    size_t begin = 0;
    while (begin < text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      // A line cut short by a kill does not parse and is dropped with what follows it.
      const auto line = parse_json(std::string_view(text).substr(begin, end - begin), path);
      if (!line.ok() || step_of(*line) > step) break;
      kept += text.substr(begin, end - begin) + "\n";
      lines.push_back(*line);
      begin = end + 1;
    }
  }
  // Asks for the file before its content is given up: another process may be writing it.
  { RELATA_TRY(const Journal unused, Journal::open(path)); }
  RELATA_CHECK(write_file_atomic(path, kept));
  RELATA_TRY(Journal journal, Journal::open(path));
  TrainLog log(folder, std::move(journal));
  log.lines_ = std::move(lines);
  return log;
}

Status TrainLog::add(const Json& line) {
  lines_.push_back(line);
  return journal_.append(line.dump());
}

Status TrainLog::plot() const { return write_file_atomic(folder_ + "/loss.svg", loss_svg(lines_)); }

}  // namespace relata::train
