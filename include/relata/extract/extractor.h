// The extractor folder: everything `relata extract` needs, in one place (INTERFACE.md).
#pragma once

#include <optional>
#include <string>

#include "relata/base/json.h"
#include "relata/data/schema.h"
#include "relata/extract/template.h"
#include "relata/text/chat.h"

namespace relata::extract {

struct ExtractorConfig {
  int format_version = 1;
  std::string pipeline = "pair";
  std::string model = "model";  // folder, relative to the extractor's or absolute
  std::string adapter;          // "" or "adapters/pair"
  std::string template_file = "templates/pair.yaml";
  std::string chat = "none";      // chat wrapper; "auto": the model's own
  std::string decode = "labels";  // labels (exhaustive scoring) or free
  double threshold = 0.5;         // a label beside the best one is kept from this posterior on
  double negative_bias = 0.0;     // added to the negative label's log-probability; tuned on dev
  int max_new_tokens = 64;        // free decoding
};

struct Extractor {
  std::string folder;
  ExtractorConfig config;
  data::Schema schema;
  PairTemplate pair_template;
  std::optional<text::ChatTemplate> chat;  // config.chat, looked up; "auto" must be, once
  Result<text::ChatTemplate> chat_wrapper() const;
  std::string model_path() const;    // resolved
  std::string adapter_path() const;  // resolved, or ""
};

// Errors name the missing or malformed file; a newer format_version says to upgrade relata.
Result<Extractor> load_extractor(const std::string& folder);
// Writes extractor.yaml, schema.json and templates/; model/ and adapters/ are the trainer's.
Status save_extractor(const Extractor& extractor);

}  // namespace relata::extract
