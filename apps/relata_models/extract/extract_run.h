// `relata extract`'s run: documents are answered and their results written one after the other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/extract/facts.h"

namespace relata::app {

struct ExtractJob {
  std::string output;       // "" or "-": stdout
  std::string journal;      // "" for none
  int64_t total = 0;        // what progress counts, pairs or documents; 0: not known
  bool keep = false;        // hold all results, for a page about them
  bool silent = false;      // write none
  int batch = 0;            // 0: what the pipeline takes
  double min_score = -1.0;  // below 0: what the pipeline takes
  bool closure = true;
  bool use_entities = true;
};
// What the job asks of a document pipeline.
extract::FactOptions fact_options(const ExtractJob& job);

struct ExtractResults {
  std::vector<data::Document> kept;  // if they are to be kept
  // A JSON line for each question without an answer that could be read.
  std::vector<std::string> failures;
  size_t cut_off = 0;  // constrained answers that did not come to their end
  extract::DemonstrationCounts examples;
  size_t documents = 0;
  size_t questions = 0;  // that examples were shown for: pairs or documents
};

// What the extractor will be asked about: pairs or documents.
int64_t count_work(const extract::Extractor& extractor,
                   const std::vector<data::Document>& documents);

// Null where the engine takes its prompts as text.
Result<std::shared_ptr<const generate::AnswerCompiler>> make_compiler(
    const generate::Engine& engine);

// Writes each result as it is finished: to stdout at once, into a file that appears when all are
// there.
Result<ExtractResults> run_extraction(const extract::Extractor& extractor, generate::Engine& engine,
                                      data::DocumentSource& documents, const ExtractJob& job);

}  // namespace relata::app
