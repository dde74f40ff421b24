// Keys of other programs' training files (LLaMA-Factory, TrainingArguments) that have no meaning
// here, so that such a file can be used as it is.
#pragma once

#include <string>

#include "relata/base/json.h"
#include "relata/base/result.h"

namespace relata::app {

// Removes from the configuration the keys that say how those programs run (workers, caches, plots),
// and those whose value asks for what relata does anyway; says once which. Errors (usage): values
// that ask for what relata does not do, all of them, each with what to do instead.
Status drop_foreign_keys(Json& config, const std::string& where);

}  // namespace relata::app
