// Inputs of `relata index` as passages.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/data/formats.h"
#include "relata/retrieve/bm25.h"
#include "relata/retrieve/passages.h"

namespace relata::app {

struct PassageFlags {
  std::vector<std::string> inputs;
  data::ReadOptions read;
  std::string text_of;                    // "": as those that the index has, of a new one sentences
  std::vector<std::string> partition_by;  // empty: as the index is parted, a new one not
};

struct ReadPassages {
  std::vector<retrieve::Passage> passages;
  std::vector<std::string> documents;  // ids
  int code = kDone;
};

// All flags but the inputs.
void add_passage_options(CLI::App& verb, PassageFlags& flags);

// What the passages of an index are. An error where its file is too old to say.
Result<retrieve::PassageUnit> unit_of(const retrieve::Bm25Index& index, const std::string& path);
// How the index's documents became passages, and an error where the flags ask for another way.
Result<retrieve::PassageOptions> common_passages(const PassageFlags& flags,
                                                 const retrieve::Bm25Index& index,
                                                 const std::string& path);
// What the flags ask for where there is no index that says.
retrieve::PassageOptions asked_passages(const PassageFlags& flags);

// Records that could not be read are listed beside `output`, where reading goes on without them.
Result<ReadPassages> read_passages(const PassageFlags& flags,
                                   const retrieve::PassageOptions& options,
                                   const std::string& output);

}  // namespace relata::app
