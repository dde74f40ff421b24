#include "train_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "relata/base/file.h"

namespace relata::train {
namespace {

struct Point {
  double x, y;
};

std::vector<Point> curve(const std::vector<Json>& lines, const std::string& key) {
  std::vector<Point> points;
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

constexpr double kWidth = 720, kHeight = 360, kLeft = 56, kRight = 56, kTop = 24, kBottom = 40;

std::string polyline(const std::vector<Point>& points, double last_x, double low, double high,
                     const std::string& colour) {
  std::string path;
  for (const Point& p : points) {
    const double x = kLeft + (kWidth - kLeft - kRight) * p.x / std::max(1.0, last_x);
    const double y =
        kTop + (kHeight - kTop - kBottom) * (1.0 - (p.y - low) / std::max(1e-12, high - low));
    path += fmt::format("{:.1f},{:.1f} ", x, y);
  }
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>\n",
                     colour, path);
}

}  // namespace

std::string loss_svg(const std::vector<Json>& lines) {
  const std::vector<Point> loss = curve(lines, "loss");
  const std::vector<Point> metric = curve(lines, "metric");
  double last_x = 1, high = 0;
  for (const Point& p : loss) {
    last_x = std::max(last_x, p.x);
    high = std::max(high, p.y);
  }
  for (const Point& p : metric) last_x = std::max(last_x, p.x);
  if (high <= 0) high = 1;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
      kWidth, kHeight);
  for (int i = 0; i <= 4; ++i) {
    const double y = kTop + (kHeight - kTop - kBottom) * i / 4.0;
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\" fill=\"#1f5fa8\">{:.3g}</text>\n"
        "<text x=\"{}\" y=\"{:.1f}\" fill=\"#b4451f\">{:.2f}</text>\n",
        kLeft, kWidth - kRight, y, y, kLeft - 6, y + 4, high * (4 - i) / 4.0, kWidth - kRight + 6,
        y + 4, (4 - i) / 4.0);
  }
  svg += polyline(loss, last_x, 0, high, "#1f5fa8");
  if (!metric.empty()) svg += polyline(metric, last_x, 0, 1, "#b4451f");
  svg += fmt::format(
      "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">step (0 to {})</text>\n"
      "<text x=\"{}\" y=\"16\" fill=\"#1f5fa8\">loss</text>\n"
      "<text x=\"{}\" y=\"16\" text-anchor=\"end\" fill=\"#b4451f\">{}</text>\n</svg>\n",
      kWidth / 2, kHeight - 12, static_cast<int64_t>(last_x), kLeft, kWidth - kRight,
      metric.empty() ? "" : "metric");
  return svg;
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
