// Examples for prompts: a pool of labelled documents (retrieve) behind the interface of extract.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "relata/extract/extractor.h"
#include "relata/retrieve/examples.h"

namespace relata::app {

struct PoolOptions {
  retrieve::ExampleUnit unit = retrieve::ExampleUnit::Pair;
  const data::Schema* schema =
      nullptr;       // borrowed; pairs with other labels are left out, and named
  std::string name;  // of the pool, for messages
};

Result<std::shared_ptr<const extract::DemonstrationSource>> make_demonstrations(
    std::vector<data::Document> documents, const extract::DemonstrationSettings& settings,
    const PoolOptions& options);

// Documents of all the files, which must state relations, entities or events.
Result<std::vector<data::Document>> read_pool(const std::vector<std::string>& paths,
                                              const std::string& format);

// What the pool of a pipeline is made of.
retrieve::ExampleUnit example_unit(const std::string& pipeline);

// Reads the pool that a loaded extractor's configuration names, where its pipeline shows examples,
// and sets Extractor::demonstrations. Errors: no such file; another content than the one stated.
Status open_demonstrations(extract::Extractor& extractor);

// The pool as it is copied into an extractor's folder; sets the settings' pool and its hash.
Status save_pool(const std::vector<data::Document>& documents, extract::Extractor& extractor);

// Tells what became of examples that were found: those left out, and why.
void report_examples(const extract::DemonstrationCounts& counts, size_t questions);

}  // namespace relata::app
