// Wrong answers of a report: what is wrong with each and which labels are confused most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relata/eval/report.h"

namespace relata::eval {

struct PairError {
  size_t item = 0;                         // index into Report::items
  std::string kind;                        // missing, invented, direction, confused
  std::vector<std::string> missed, extra;  // labels, sorted, without the negative one
  std::optional<double> score;             // highest of the wrong predictions
};
std::vector<PairError> find_pair_errors(const Report& report);  // in the items' order

struct Confusion {
  std::string gold, predicted;  // "" is no answer
  int64_t count = 0;
};
std::vector<Confusion> count_confusions(const std::vector<PairError>& errors);  // frequent first

struct LabelRow {
  std::string label;
  Counts counts;
};
std::vector<LabelRow> label_rows(const std::vector<PairItem>& items);  // by support

}  // namespace relata::eval
