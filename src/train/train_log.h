// train_log.jsonl and loss.svg of a run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/json.h"

namespace relata::train {

class TrainLog {
 public:
  // Keeps the lines up to `step` of an earlier run that is resumed; 0 starts a new file. A folder
  // that another process trains into is an error.
  static Result<TrainLog> open(const std::string& folder, int64_t step);
  Status add(const Json& line);
  Status plot() const;  // writes loss.svg

 private:
  TrainLog(std::string folder, Journal journal)
      : folder_(std::move(folder)), journal_(std::move(journal)) {}
  std::string folder_;
  Journal journal_;  // open as long as this is: adding a line costs the line
  std::vector<Json> lines_;
};

// The loss curve, and the metric's where it was evaluated, as an SVG page of its own.
std::string loss_svg(const std::vector<Json>& lines);

}  // namespace relata::train
