// Examples for prompts: a pool of labelled documents (retrieve) behind the interface of extract.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "relata/extract/extractor.h"
#include "relata/retrieve/examples.h"

namespace relata::app {

struct Demonstrations {
  std::shared_ptr<const extract::DemonstrationSource> source;
  std::string encoder;  // identity of the model that makes vectors; "": none does
};

// Examples of `documents` for the extractor, as its configuration says; examples with labels that
// its schema does not have are left out, and named. `pool` is the pool's name, for messages.
Result<Demonstrations> make_demonstrations(std::vector<data::Document> documents,
                                           const extract::Extractor& extractor,
                                           const std::string& pool);

// Where the settings' encoder lies: at its path, also from the extractor's folder, or under its
// name in a place of models.
std::string example_encoder_path(const extract::Extractor& extractor);

// Documents of all the files, which must state relations, entities or events.
Result<std::vector<data::Document>> read_pool(const std::vector<std::string>& paths,
                                              const std::string& format);

// Reads the pool that a loaded extractor's configuration names, where its pipeline shows examples,
// and sets Extractor::demonstrations. Errors: no such file; another content than the one stated.
Status open_demonstrations(extract::Extractor& extractor);

// The pool as it will lie in an extractor's folder, at pool_path(): returns the file's text, and
// sets the settings' pool and its hash.
std::string own_pool(const std::vector<data::Document>& documents, extract::Extractor& extractor);

// Tells what became of examples that were found: those left out, and why. `unit` is what there are
// `questions` of: a question, or a document, about which there may be several.
void report_examples(const extract::DemonstrationCounts& counts, size_t questions,
                     const std::string& unit = "question");

}  // namespace relata::app
