// Mentions, relations, triggers and arguments as one kind of fact, and how facts are compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relata/eval/document_scores.h"

namespace relata::eval {

using Places = std::vector<text::ByteRange>;

// A mention or trigger has its place in `head`; an argument has its trigger in `head`.
struct SpanFact {
  std::string label;
  Places head, tail;
  std::string head_type, tail_type;
  std::string head_text, tail_text;  // for reports
  std::optional<double> score;
};

// What must be equal.
struct SpanRule {
  bool label = true, head = true, tail = false, types = false;
};

// Each fact once, in order. Facts that only share a place stay apart: sharing is not transitive, so
// what is left would depend on their order.
std::vector<SpanFact> distinct_facts(const std::vector<SpanFact>& facts, const SpanRule& rule);
// For each predicted fact the gold fact that it hits, or -1; a gold fact is hit once, and first by
// a fact with all its places. Both lists are distinct_facts().
std::vector<int> match_facts(const std::vector<SpanFact>& gold,
                             const std::vector<SpanFact>& predicted, const SpanRule& rule);
// The wrong answers of one document, with the kind of each (ErrorRow::kind).
std::vector<ErrorRow> span_errors(const data::Document& document, const std::vector<SpanFact>& gold,
                                  const std::vector<SpanFact>& predicted, const SpanRule& rule,
                                  const SpanOptions& options);

// "mentions", "relations", "triggers" or "arguments" of a document, without relations of
// negative types.
std::vector<SpanFact> facts_of(const std::string& what, const data::Document& document,
                               const NegativeLabels& negative);

// The words of an argument, or of its entity where it is stated by that alone.
std::string argument_text(const data::Document& document, const data::Argument& argument);

}  // namespace relata::eval
