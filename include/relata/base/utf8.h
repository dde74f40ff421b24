// The part of UTF-8 that every layer needs; text/utf8.h has the rest.
#pragma once

#include <string>

namespace relata {

// A surrogate or a number above U+10FFFF becomes U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace relata
