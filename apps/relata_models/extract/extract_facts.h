// `relata extract` with pipelines that ask about whole texts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/extract/facts.h"
#include "relata/extract/icl.h"

namespace relata::app {

struct FactJob {
  std::string output;   // "" or "-": stdout
  std::string journal;  // "" for none
  bool keep = false;    // hold all results, for a page about them
  bool silent = false;  // write none
  extract::FactOptions options;
};

struct FactResults {
  std::vector<data::Document> kept;  // if they are to be kept
  // A JSON line for each question without an answer that could be read.
  std::vector<std::string> failures;
};

// Null where the engine takes its prompts as text.
Result<std::shared_ptr<const generate::AnswerCompiler>> make_compiler(
    const generate::Engine& engine);

// Writes each result as it is finished: to stdout at once, into a file that appears when all are
// there.
Result<FactResults> run_facts(const extract::Extractor& extractor, generate::Engine& engine,
                              const std::vector<data::Document>& documents, FactJob job);

// The same of pipeline icl; all results at once, and kept.
Result<FactResults> run_in_context(const extract::Extractor& extractor, generate::Engine& engine,
                                   const std::vector<data::Document>& documents,
                                   const FactJob& job);

}  // namespace relata::app
