// Training of document pipelines: rows of all steps, grouped by document.
#pragma once

#include <string>
#include <vector>

#include "relata/extract/extractor.h"
#include "relata/text/tokenizer.h"
#include "relata/train/trainer.h"
#include "train/train_config.h"

namespace relata::app {

// The pipeline as it is written into the extractor folder: a built-in one, or that of the file
// `prompt_template`.
Result<extract::Extractor> make_document_extractor(const TrainConfig& config,
                                                   const std::vector<data::Document>& documents);

// The adapters that are trained: one for all steps, or one for each adapter name of the template.
std::vector<std::string> adapter_names(const TrainConfig& config,
                                       const extract::Extractor& extractor);

// Rows in the documents' order, each document (or window) a group; `adapters` as adapter_names().
Result<std::vector<train::Row>> document_rows(const extract::Extractor& extractor,
                                              const text::Tokenizer& tokenizer,
                                              const std::vector<data::Document>& documents,
                                              const TrainConfig& config,
                                              const std::vector<std::string>& adapters);

}  // namespace relata::app
