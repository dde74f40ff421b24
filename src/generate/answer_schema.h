// An answer's shape as a JSON schema, for servers that keep answers to one, and what such a server
// answers as the text that the shape means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/generate/grounded.h"

namespace relata::generate {

// {"items": [...]}: strings where items have one field, else objects with a string per field, of
// several kinds where the choices of a field depend on a choice before it. What the spans of a text
// are, and that two fields differ, a schema cannot say: any string may stand there.
Json answer_schema(const AnswerShape& shape);

// An answer as it would be written without a schema.
struct JsonAnswer {
  std::string text;
  std::vector<std::string> parts;  // the text item by item, separators before them included
  std::vector<size_t> ends;        // where the items end in the JSON; not told of all answers
};

// Of the last object in `text` that is of the schema: a server that ignores it may let a model say
// more around it. None where there is none. Of what was cut off, its whole items, a separator
// behind each.
std::optional<JsonAnswer> answer_of_json(const AnswerShape& shape, std::string_view text);

}  // namespace relata::generate
