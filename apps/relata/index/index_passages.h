// Inputs of `relata index` as passages.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/data/formats.h"
#include "relata/retrieve/bm25.h"

namespace relata::app {

struct PassageFlags {
  std::vector<std::string> inputs;
  data::ReadOptions read;
  std::string text_of = "sentence";
  std::vector<std::string> partition_by;
};

struct ReadPassages {
  std::vector<retrieve::Passage> passages;
  std::vector<std::string> documents;  // ids
  int code = kDone;
};

// All flags but the inputs.
void add_passage_options(CLI::App& verb, PassageFlags& flags);

// Records that could not be read are listed beside `output`, where reading goes on without them.
Result<ReadPassages> read_passages(const PassageFlags& flags, const std::string& output);

}  // namespace relata::app
