// Reports of an evaluation: text for a terminal, JSON for programs, one self-contained HTML page.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

struct LabelRow {
  std::string label;
  Counts counts;
};

// Precision, recall and F1 by class or by distance.
struct CountTable {
  std::string title;   // "Relations", "Tokens between head and tail"
  std::string column;  // heading of the first column
  std::vector<LabelRow> rows;
  std::string metric = {};  // whose table it is; "" for that of all metrics of pairs
  bool of_labels = true;    // else rows are other things, which may be called like a negative label
};

// One wrong answer, or one wrong item of a pair metric.
struct ErrorRow {
  // direction (head and tail exchanged, or the inverse label), type (right place, wrong label),
  // boundary (right label, overlapping place), missing, invented
  std::string kind;
  std::string id;                            // of the pair or document
  std::vector<std::string> gold, predicted;  // labels
  std::vector<double> scores;                // of the predicted labels; may be empty
  std::string context;                       // the text, and what was related
  std::vector<std::string> missed, extra;    // labels, sorted, without negative ones
  std::optional<double> score;               // highest of the wrong predictions
};

struct NamedComparison {
  std::string metric;
  Comparison result;  // of the report's predictions and the other ones
};

struct Report {
  std::string title;
  std::string gold_path, predicted_path;
  std::vector<Score> scores;
  std::vector<PairItem> items;  // of pair metrics; their tables and errors are found from these
  NegativeLabels negative;
  std::map<std::string, std::string> inverses = {};  // label to its inverse, when a schema says so
  std::string distance_unit = {};                    // of PairItem::distance: "tokens"
  std::vector<CountTable> tables = {};               // of the other metrics
  std::vector<ErrorRow> errors = {};
  std::string units = {};  // "500 documents": what was scored, when there are no pairs
  std::vector<NamedComparison> comparisons = {};
  std::string other_path = {};  // of the predictions compared with
};

// Scores, floors, tables per class and per distance, kinds of errors, comparisons. Control
// characters of labels and names become U+FFFD.
std::string report_text(const Report& report);
// INTERFACE.md, "Metrics": by metric; further views under "parts", tables under "tables",
// comparisons under "compare".
Json report_json(const Report& report);
// Scores, comparisons, tables with bars, confusion of the most frequent errors, and the worst
// errors (wrong answers with the highest score) with their sentences. No scripts or fonts from
// outside.
std::string report_html(const Report& report);
// One JSON line per wrong item, sorted by kind.
std::string error_lines(const Report& report);

}  // namespace relata::eval
