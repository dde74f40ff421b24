// The chat templates of a GGUF file, and the special tokens that templates name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "relata/base/gguf.h"

namespace relata::text {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

// [name, Jinja source] of every chat template; the main one is "default" and comes first. Empty
// when the file has none.
Result<NamedTexts> gguf_chat_templates(const GgufFile& file);

// The special tokens under their names in a tokenizer_config.json: ["bos_token", "<s>"].
Result<NamedTexts> gguf_special_tokens(const GgufFile& file);

}  // namespace relata::text
