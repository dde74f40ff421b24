// Re-DocRED's development documents: the published file where ../shared has it, else the five of
// them that are shipped. Figures of the five were counted from the file by a script.
#pragma once

#include <filesystem>
#include <string>

namespace relata {

struct RedocredDev {
  bool whole = std::filesystem::exists(RELATA_SHARED "/data/redocred/dev_revised.json");
  std::string path = whole ? RELATA_SHARED "/data/redocred/dev_revised.json"
                           : RELATA_TEST_FILES "/data/redocred/dev_sample.json";
};

}  // namespace relata
