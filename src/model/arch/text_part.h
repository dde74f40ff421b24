// Models that also read images, and have one of the architectures here for text.
#pragma once

#include <optional>
#include <string>

#include "relata/base/json.h"
#include "relata/base/result.h"

namespace relata::model {

// The configuration of the text part alone; nothing where `config` is of another kind of model.
Result<std::optional<Json>> text_part(const Json& config, const std::string& where);
// Their model types, for messages.
std::string models_with_text_part();

}  // namespace relata::model
