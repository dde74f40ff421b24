// `relata extract` with pipelines that ask about whole texts.
#pragma once

#include <functional>
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

// Writes each result as it is finished: to stdout at once, into a file that appears when all are
// there. The results, if they are kept; documents with answers that could not be read are in
// `failed`.
Result<std::vector<data::Document>> run_facts(const extract::Extractor& extractor,
                                              generate::Engine& engine,
                                              const std::vector<data::Document>& documents,
                                              FactJob job, int64_t& failed);

// The same of pipeline icl; all results at once.
Result<std::vector<data::Document>> run_in_context(const extract::Extractor& extractor,
                                                   generate::Engine& engine,
                                                   const std::vector<data::Document>& documents,
                                                   const FactJob& job, int64_t& failed);

}  // namespace relata::app
