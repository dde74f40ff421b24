// Pages in other encodings than UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "relata/base/result.h"

namespace relata::data {

// The encoding that the page names in its first 1024 bytes, by an XML declaration or a <meta>, in
// small letters: "windows-1251"; "" for none.
std::string html_charset(std::string_view bytes);

// The bytes in UTF-8. `label` means what it means to browsers: "iso-8859-1" is windows-1252, and
// "gb2312" GB 18030. Errors name `path` and the line: no such encoding, bytes that it does not
// have.
Result<std::string> from_encoding(std::string_view bytes, const std::string& label,
                                  const std::string& path);

}  // namespace relata::data
