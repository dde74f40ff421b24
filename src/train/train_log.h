// train_log.jsonl and loss.svg of a run.
#pragma once

#include <string>
#include <vector>

#include "relata/base/json.h"

namespace relata::train {

class TrainLog {
 public:
  // Keeps the lines up to `step` of an earlier run that is resumed; 0 starts a new file.
  static Result<TrainLog> open(const std::string& folder, int64_t step);
  Status add(const Json& line);
  Status plot() const;  // writes loss.svg

 private:
  std::string folder_;
  std::vector<Json> lines_;
};

// The loss curve, and the metric's where it was evaluated, as an SVG page of its own.
std::string loss_svg(const std::vector<Json>& lines);

}  // namespace relata::train
