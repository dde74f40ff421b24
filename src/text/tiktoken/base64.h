#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relata::text {

// The bytes of standard, padded base 64 (RFC 4648); nothing when `text` is not that.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace relata::text
