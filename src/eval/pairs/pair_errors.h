// Wrong answers of a report: what is wrong with each and which labels are confused most.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/eval/report.h"

namespace relata::eval {

std::vector<ErrorRow> find_errors(const Report& report);  // in the items' order, then the others
const std::vector<std::string>& error_kinds();            // in the order of reports

struct Confusion {
  std::string gold, predicted;  // "" is no answer
  int64_t count = 0;
};
std::vector<Confusion> count_confusions(const std::vector<ErrorRow>& errors);  // frequent first

std::vector<LabelRow> rows_by_support(const std::map<std::string, Counts>& classes);
std::vector<CountTable> all_tables(const Report& report);
// With the metric's name where the report has several.
std::string shown_title(const Report& report, const CountTable& table);

// An error when the tally counts nothing in gold; `what` says what it could have been.
Status check_any_gold(const Tally& tally, const std::string& what);

}  // namespace relata::eval
