// One evaluation from files: what `relata evaluate` does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relata/eval/report.h"

namespace relata::eval {

struct EvaluateRequest {
  std::string gold, predicted;  // paths; "-" is standard input
  std::string compare;          // another system's predictions, or ""
  // The documents of a path that is no file: of a folder. The path then stands in messages only.
  std::optional<std::vector<data::Document>> gold_documents, predicted_documents,
      compared_documents;
  // A format of data::formats(), "labels" (one answer a line) or "keyed" (id TAB label); ""
  // guesses.
  std::string gold_format, predicted_format;
  std::vector<std::string> metrics = {"pair-micro"};
  std::string schema;       // says which label is negative and which are inverse; "" infers it
  std::string patch;        // corrected gold labels by id, for metrics of pairs
  std::string train_facts;  // for docred's Ign F1
  std::string aliases;      // for autore: the gold groups
  // What becomes of predicted labels that a stated schema lacks: "stop" makes them an error, "skip"
  // drops them and tells how many.
  std::string on_error = "stop";
  int bootstrap = 1000;
  uint64_t seed = 0;
  bool list_errors = true;  // off saves time when only scores are wanted
  int threads = 0;          // for large files; 0: all cores
};

struct Evaluation {
  Report report;
  std::string official;               // with the metric semeval: the official scorer's text ...
  std::optional<Error> not_official;  // ... or why that has none
  std::vector<std::string> notes;     // what was dropped
  std::vector<std::string> warnings;  // what was scored as it is, though it may be a slip
};

// Every error names the file and, where there is one, the line or entry.
Result<Evaluation> evaluate(const EvaluateRequest& request);

std::string evaluation_text(const Evaluation& evaluation);  // the report's, and the notes

}  // namespace relata::eval
