// Which predicted document answers which gold document.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"

namespace relata::eval {

std::string document_name(const data::Document& document, size_t index);
// 'a', 'b', 'c' and 4 more
std::string name_some(const std::vector<std::string>& names);
// Offsets mean nothing in another text.
Error another_text(const data::Document& predicted, size_t index);

// For each predicted document the index of its gold document: by id, or by position when no id
// matches. Strangers, repeated ids and other texts are errors.
Result<std::vector<int>> match_documents(const std::vector<data::Document>& gold,
                                         const std::vector<data::Document>& predicted);

}  // namespace relata::eval
