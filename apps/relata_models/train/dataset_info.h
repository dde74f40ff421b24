// Data sets by name, as LLaMA-Factory's dataset_info.json lists them.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/conversations.h"

namespace relata::app {

struct NamedDataset {
  std::string path;
  data::ConversationMembers members;  // what the list says about its members' names
};

// What `names` stand for: files, or entries of FOLDER/dataset_info.json, whose "file_name" lies in
// that folder. A file of the name wins. Errors (usage): neither, an entry that names no file
// (a hub's), one of preferences ("ranking").
Result<std::vector<NamedDataset>> find_datasets(const std::vector<std::string>& names,
                                                const std::string& folder);

}  // namespace relata::app
