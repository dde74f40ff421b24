// Content hashes, as lower-case hexadecimal.
#pragma once

#include <string>
#include <string_view>

namespace relata {

std::string sha256_hex(std::string_view bytes);
std::string git_blob_id(std::string_view bytes);  // what `git hash-object` prints

}  // namespace relata
