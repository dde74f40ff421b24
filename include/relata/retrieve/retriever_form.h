// What a retriever that was trained here reads, as its folder says.
#pragma once

#include <optional>
#include <string>

#include "relata/base/result.h"

namespace relata::retrieve {

// Questions as retriever_query(), demonstrations as retriever_passage() of instances.h.
struct RetrieverForm {
  bool tags = true;  // of demonstrations
  // Texts alone, as the encoder knew them before; false: blocks with their task and answer, as
  // RUIE's.
  bool sentences = false;
};

// Beside an encoder's files, in relata_retriever.json.
Status write_retriever_form(const RetrieverForm& form, const std::string& folder);
// Nothing where the folder is of any other encoder, which reads plain texts. Errors: a file that
// cannot be read, or of a newer version.
Result<std::optional<RetrieverForm>> read_retriever_form(const std::string& folder);

}  // namespace relata::retrieve
