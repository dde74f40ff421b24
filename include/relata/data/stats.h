// What a dataset holds, and what its parts share: counts, lengths, labels, distances, duplicates,
// contradictions and leakage.
#pragma once

#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/data/formats.h"

namespace relata::data {

struct NamedDataset {
  std::string name;  // "train.txt"
  Dataset dataset;
};

// A JSON object, for --json and for the two functions below. Of all parts together:
//   counts, "code_points", "sentences" and the like as {min, mean, p25, median, p75, p95, max,
//   histogram: [[from, to, count], ...]} (half-open), label tables by frequency,
//   "duplicates": documents whose text an earlier one has, and pairs stated twice,
//   "contradictions": pairs of one text that have a negative label and another one in one place or
//   different labels in two; with examples.
// With several parts also "parts" (the same of each) and "overlap": for every ordered pair of parts
// what share of the second's texts, entity names, pairs and triples is in the first, and the labels
// of the second that the first has not. Names are compared as written.
// Cost: one pass, memory in proportion to the distinct texts and names.
Json dataset_picture(const std::vector<NamedDataset>& parts);

// For people: tables without histograms.
std::string picture_text(const Json& picture);
// One HTML page that needs nothing else: cards, plots as inline SVG, tables.
std::string picture_html(const Json& picture);

}  // namespace relata::data
