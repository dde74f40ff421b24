// GPT-2's printable stand-ins: every byte is written as one visible code point.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relata::text {

const std::string& byte_to_visible(uint8_t byte);
std::string to_visible(std::string_view bytes);
std::optional<uint8_t> visible_to_byte(char32_t code_point);

}  // namespace relata::text
