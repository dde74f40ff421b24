// An answer's shape as a JSON schema, for servers that keep answers to one, and what such a server
// answers as the text that the shape means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "relata/base/json.h"
#include "relata/generate/grounded.h"

namespace relata::generate {

// {"items": [...]}: strings where items have one field, else objects with a string per field. What
// the spans of a text are, a schema cannot say: any string may stand there.
Json answer_schema(const AnswerShape& shape);

// The answer as it would be written without a schema; none where `text` is not of the schema, which
// a server may ignore. Of what was cut off, its whole items, a
// separator behind each.
std::optional<std::string> answer_of_json(const AnswerShape& shape, std::string_view text);

}  // namespace relata::generate
