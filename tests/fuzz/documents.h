// What holds of documents from any reader.
#pragma once

#include <vector>

#include "fuzz.h"
#include "relata/data/formats.h"

namespace relata::fuzz {

// Documents that relata's own format can hold come back from it as they were.
inline void require_same_in_own_format(const std::vector<data::Document>& documents) {
  if (documents.empty()) return;
  const auto written = data::write_dataset(documents, {.format = "jsonl", .instruction = ""});
  if (!written.ok()) return;
  const auto again = data::parse_dataset(written.value(), "again", {.format = "jsonl"});
  require(again.ok(), again.ok() ? "" : again.error().message.c_str());
  const auto twice =
      data::write_dataset(again.value().documents, {.format = "jsonl", .instruction = ""});
  require(twice.ok() && twice.value() == written.value(), "relata's format loses nothing");
}

}  // namespace relata::fuzz
