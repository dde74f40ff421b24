// Where models and the shipped extractors are looked for.
#pragma once

#include <string>

#include "models/model_folders.h"
#include "relata/base/result.h"
#include "relata/extract/extractor.h"

namespace relata::app {

// The base model of an extractor, in these places or pulled from a hub.
Result<std::string> find_base(const extract::Extractor& extractor);

// <prefix>/share/relata/extractors/NAME.
std::string shipped_extractor(const std::string& name);
inline constexpr const char* kDefaultExtractor = "en-wiki-facts";

}  // namespace relata::app
