// Where models and the shipped extractors are looked for.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/extract/extractor.h"

namespace relata::app {

// The folders of RELATA_MODELS, those named models/ in and above the program's place (a checkout's)
// and in the working folder, and the user's cache folder.
std::vector<std::string> model_places();

// The user's cache folder of relata, where what can be made again is kept; "": there is none.
std::string user_cache();

// The base model of an extractor, in these places or pulled from a hub.
Result<std::string> find_base(const extract::Extractor& extractor);

// <prefix>/share/relata/extractors/NAME.
std::string shipped_extractor(const std::string& name);
inline constexpr const char* kDefaultExtractor = "en-wiki-facts";

}  // namespace relata::app
