// Text that is safe and plain to see in a message, which may quote anything.
#pragma once

#include <string>
#include <string_view>

namespace relata {

// What cannot be seen (controls but for tab and newline, format characters such as a byte order
// mark, bytes that are not UTF-8) as an escape: "\ufeff".
std::string visible_text(std::string_view text);

}  // namespace relata
