// The flags by which `extract` chooses an extractor, or puts one together from a model and a pool
// of examples.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/extract/extractor.h"

namespace relata::app {

struct ExtractorFlags {
  std::string extractor;  // folder; "": the shipped one, or none where `model` or `pipeline` say so
  std::string model;
  std::string adapter;
  std::string prompt_template;  // "": the pipeline's usual
  std::string chat;             // "": none
  std::string schema;           // "": the extractor's own, or the pool's labels
  std::string pipeline;
  bool served = false;  // a server answers: there is no model to name
  std::string decode;
  double threshold = -1.0;  // below 0: the extractor's own
  std::vector<std::string> pool;
  std::string pool_format;
  int examples = -1;  // below 0: the extractor's own
  int example_tokens = -1;
  std::string retriever, encoder, query;
  double vote = -1.0;              // below 0: the extractor's own
  int voters = -1;                 // likewise
  std::vector<std::string> tasks;  // of icl; none: the extractor's own
};

void add_extractor_flags(CLI::App& verb, ExtractorFlags& flags);
// --tasks alone, which add_extractor_flags() has too.
void add_tasks_flag(CLI::App& verb, ExtractorFlags& flags);

// The extractor with what the flags change of it, its examples at hand.
Result<extract::Extractor> open_extractor(const ExtractorFlags& flags);

}  // namespace relata::app
