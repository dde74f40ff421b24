// A document becomes facts: the steps of a document pipeline, asked and answered.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relata/data/document.h"
#include "relata/extract/document_run.h"
#include "relata/extract/extractor.h"
#include "relata/generate/engine.h"
#include "relata/generate/grounded.h"

namespace relata::extract {

struct FactOptions {
  std::string decode;        // "" takes the extractor's; "constrained" needs a compiler
  bool use_entities = true;  // heads and tails are the entities given with a document that has some
  bool closure = true;       // add what follows by inverse and symmetric relations
  // Facts below are dropped; those without a probability stay. Negative: the calibration's
  // threshold, or 0.
  double min_score = -1.0;
  int batch = 16;                              // documents handed to the engine at once
  std::function<void(int64_t done)> progress;  // documents
  std::function<void(int64_t)> skipped;        // taken from the journal; `progress` counts them too
};

// What the engine was asked, for forecasts and comparisons.
struct AskedCounts {
  int64_t texts = 0;      // documents and windows
  int64_t questions = 0;  // requests, those of checks among them
  int64_t prompt_tokens = 0;
  int64_t answer_tokens = 0;  // generated
};

// The documents with the facts found in place of their relations, best first. An entity is a name
// with all its mentions (a name inside a longer one that was found is none), or one of those given.
// `score` is the product of the probabilities of the answers that led to the fact, calibrated where
// the extractor has a calibration; evidence the sentences that mention both ends, else those of the
// two nearest mentions. Notes in meta: "derived", indices of relations that the closure added;
// "unparsed", answers that are not in the step's form or not of this text, {"step", "relation",
// "head", "tail", "problem", "answer"}, and "unanswered" where a question was not answered at all,
// with "asked" false where it could not even be asked.
// A document that is too long is asked about in overlapping windows. Each step of all documents of
// a batch is one call of the engine. `compiler` may be null with free decoding, and with engines
// that take text: constrained decoding then hands them the answers' shapes and checks what they
// give. Errors: names of the schema that no tokens spell, before anything is asked.
Result<std::vector<data::Document>> extract_facts(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<data::Document>& documents, const FactOptions& options,
    AskedCounts* counts = nullptr);

// The same for many documents, with a journal, each given away when it is finished.
Status extract_fact_documents(const Extractor& extractor, generate::Engine& engine,
                              const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                              const FactOptions& options, const DocumentRun& run);
// All results at the end; `journal_path` as in DocumentRun.
Result<std::vector<data::Document>> extract_fact_documents(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<data::Document>& documents, const FactOptions& options,
    const std::string& journal_path);

}  // namespace relata::extract
