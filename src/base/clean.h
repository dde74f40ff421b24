// Makes untrusted text safe to show in messages and on terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace relata::internal {

// Bytes of the well-formed UTF-8 sequence that starts at `offset`, or 0 when there is none.
size_t utf8_sequence(std::string_view text, size_t offset);

// Offset of the first byte that is not well-formed UTF-8, or npos.
size_t find_bad_utf8(std::string_view text);

// Characters that cannot be seen - controls (but tabs and newlines), format characters such as a
// byte order mark - are written as escapes, "\ufeff", and bad UTF-8 byte by byte, "\xff". Text that
// is then longer than `limit` bytes is cut between characters and ends in "...".
std::string clean_text(std::string_view text, size_t limit = std::string_view::npos);

}  // namespace relata::internal
