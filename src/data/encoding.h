// What a file's bytes are: UTF-8, with or without byte order mark, or UTF-16 with one.
#pragma once

#include <string>
#include <string_view>

#include "relata/base/result.h"

namespace relata::data {

// The text in UTF-8 without its mark: `content` itself, or what is written into `converted`, if it
// is UTF-16 with a mark. Not checked for invalid UTF-8. Errors: half a character in UTF-16, UTF-16
// without mark, UTF-32, a compressed file.
Result<std::string_view> as_utf8(std::string_view content, const std::string& path,
                                 std::string& converted);
// What a file has to hold so that as_utf8() gives `content`: one that begins with U+FEFF gets
// another, since readers take the first for a mark.
std::string as_file(std::string content);
// The text of a whole file.
Result<std::string> read_text_file(const std::string& path);

// What to do about text that is not UTF-8, by what it looks like from its first bad byte on.
std::string conversion_hint(std::string_view not_utf8);

}  // namespace relata::data
