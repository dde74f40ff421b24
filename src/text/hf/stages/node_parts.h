// Pieces of a tokenizer.json, complete as Hugging Face's tokenizers wants them, for tokenizers
// whose own files say the same in other words.
#pragma once

#include <string>
#include <vector>

#include "json_reader.h"

namespace relata::text {

Node special_token(const std::string& content, int64_t id);
// The ids of `before` and `after` around the text; each is [token, id].
Node frame_template(const std::vector<std::pair<std::string, int64_t>>& before,
                    const std::vector<std::pair<std::string, int64_t>>& after);
// ByteLevel, after a split by `pattern` ("": GPT-2's own).
Node byte_level_pre_tokenizer(const std::string& pattern, bool prefix_space);
// Every match of `pattern`, and what lies between, is a piece of its own.
Node isolated_split(const std::string& pattern);

// The lines of a file, without their ends; a last empty one does not count.
std::vector<std::string_view> text_lines(std::string_view content);

}  // namespace relata::text
