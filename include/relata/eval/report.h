// Reports of an evaluation: text for a terminal, JSON for programs, one self-contained HTML page.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

struct Report {
  std::string title;
  std::string gold_path, predicted_path;
  std::vector<Score> scores;
  std::vector<PairItem> items;
  std::string negative;
  std::map<std::string, std::string> inverses = {};  // label to its inverse, when a schema says so
};

std::string report_text(const Report& report);  // scores, floors, per-relation table
Json report_json(const Report& report);         // INTERFACE.md, "Metrics"
// Scores, per-relation table with bars, confusion of the most frequent errors, and the worst errors
// (wrong answers with the highest score) with their sentences. No scripts or fonts from outside.
std::string report_html(const Report& report);
// One JSON line per wrong item: kind (missing, invented, direction, confused), gold, predicted.
std::string error_lines(const Report& report);

}  // namespace relata::eval
