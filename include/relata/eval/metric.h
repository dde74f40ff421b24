// The metrics by name (INTERFACE.md, "Metrics"): what each is, what it needs, where it comes from.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::eval {

// What a metric compares.
enum class MetricKind {
  kPairs,      // labels of given pairs
  kDocRed,     // relations between given entities of a document
  kTriples,    // (head, relation, tail) strings
  kSpans,      // mentions, relations or events with offsets
  kLinearised  // the answer text of an instruction
};

struct Metric {
  std::string name;
  MetricKind kind = MetricKind::kPairs;
  std::string definition;  // one sentence
  std::string needs;       // of gold and predictions
  std::string source;      // paper or official scorer
};

const std::vector<Metric>& metrics();
std::vector<std::string> metric_names();
// An unknown name is a usage error that suggests the nearest one and lists all.
Result<Metric> find_metric(const std::string& name);

}  // namespace relata::eval
