// Training rows of document pipelines: every question of every step, with its gold answer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "relata/data/document.h"
#include "relata/extract/extractor.h"
#include "relata/text/tokenizer.h"

namespace relata::extract {

struct RowOptions {
  enum class Naming {
    Canonical,  // an entity by its first mention: each is asked about once
    Mentions,   // by each of its names, as AutoRE does
  };
  Naming naming = Naming::Canonical;
  // Further rows of one question with its answer's items in other orders, where there are others.
  int relation_orders = 0;
  int head_orders = 0;
  // Questions whose answer is nothing, for each that has one: about relations that are not in the
  // document (frequent ones and those that its entities' types allow first), and about heads that
  // do not have the relation (its tails and entities of the right type first).
  double relation_negatives = 0.5;
  double head_negatives = 0.5;
  // Checks answered with no, for each answered with yes; -1: all there are, so that a yes is as
  // frequent as it will be when all are asked.
  double check_negatives = -1.0;
  bool empty_documents = true;  // documents without facts are asked about too
  int64_t max_tokens = 0;       // longer documents are asked about in windows; 0: never
  uint64_t seed = 42;
};
// What AutoRE (arXiv 2403.14888) trains on: all names, up to two more orders of relations and one
// of heads if `augment`, no empty answers.
RowOptions autore_row_options(bool augment);

struct StepRow {
  std::string step;
  std::string adapter;
  std::string root;  // the prompt's text in its two parts, chat wrapper included
  std::string branch;
  std::string answer;
};

struct StepExample {
  std::string step;
  std::string adapter;
  std::vector<int32_t> prompt;  // special tokens included
  size_t shared = 0;            // ids that all prompts of the document begin with
  std::vector<int32_t> answer;  // EOS included
};

// The examples of one document or window; their prompts form a prefix tree.
struct DocumentExamples {
  std::string document;
  std::vector<StepExample> examples;
};

struct RowCounts {
  std::map<std::string, int64_t> rows;   // by step
  std::map<std::string, int64_t> empty;  // of these, answered with nothing or no
  int64_t ungrounded = 0;                // facts left out: an end has no mention in the text
  int64_t parted = 0;                    // facts left out: no window has both ends
  int64_t too_long = 0;                  // examples left out: longer than max_tokens even so
  int64_t windows = 0;                   // documents and windows asked about
};

// In the documents' order; within a document by steps. The same options give the same rows.
// Errors: a relation that the schema lacks, a schema that the pipeline cannot be asked about.
Result<std::vector<std::vector<StepRow>>> step_rows(const Extractor& extractor,
                                                    const std::vector<data::Document>& documents,
                                                    const RowOptions& options,
                                                    RowCounts* counts = nullptr);
// The same as token ids. Windows are made here: `max_tokens` counts the tokenizer's.
Result<std::vector<DocumentExamples>> step_examples(const Extractor& extractor,
                                                    const text::Tokenizer& tokenizer,
                                                    const std::vector<data::Document>& documents,
                                                    const RowOptions& options,
                                                    RowCounts* counts = nullptr);

}  // namespace relata::extract
