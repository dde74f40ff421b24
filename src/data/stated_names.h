// Names of entities against the places that a record states for them.
#pragma once

#include <string>

#include "reading.h"

namespace relata::data {

// An entity's text that the document has stands at one of its mentions, case and white space aside,
// or is one of its stated names: else the offsets contradict the name, and nobody knows which of
// them is meant. A text that the document has nowhere is a name of another kind, such as that of a
// knowledge base. A contradiction is an error; with on_error=fix, mentions that are as long as the
// name move to where it is nearest. `where` begins messages.
Status check_stated_names(Document& document, const std::string& where, Intake& intake);

}  // namespace relata::data
