// Items that are written as lists of Python, as AutoRE's adapters were taught: ['Ann', 'father',
// "Cid's son"].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pair/template_parts.h"

namespace relata::extract {

// Whether the template's item is one: [, quoted fields with commas between them, ].
bool is_python_list(const std::vector<TemplatePart>& item);

// The strings of a list literal; none where the text is anything else. Nothing is evaluated: only
// quotes of both kinds, escapes and a last comma are known.
std::optional<std::vector<std::string>> read_python_list(std::string_view text);

}  // namespace relata::extract
