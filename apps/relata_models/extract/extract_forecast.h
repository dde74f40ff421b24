// `relata extract --dry-run`: what a run would take.
#pragma once

#include <vector>

#include "backend_options.h"
#include "relata/base/json.h"
#include "relata/extract/extractor.h"
#include "relata/extract/facts.h"

namespace relata::app {

// Pairs and the tokens of their prompts, all counted; loads the tokenizer, no model.
Result<Json> count_pairs(const extract::Extractor& extractor,
                         const std::vector<data::Document>& documents);

// Documents and characters.
Json count_texts(const std::vector<data::Document>& documents);

struct ForecastJob {
  extract::FactOptions options;
  BackendOptions backend;
  double seconds = 20.0;  // for the sample, the loading apart
};

// Loads the model and extracts from a sample of the documents, a batch at most; tokens and minutes
// of all are the sample's by length of text, memory is the sample's peak and what the cache of
// prefixes may still take. The report has the sample, too. Questions of the sample for which there
// is no time are taken to be like the others.
Result<Json> forecast_facts(const extract::Extractor& extractor,
                            const std::vector<data::Document>& documents, const ForecastJob& job,
                            const Context& context);

}  // namespace relata::app
