// Standard output, which another program may be reading.
#pragma once

#include <string_view>

#include "relata/base/result.h"

namespace relata::app {

// Hands it over at once. Errors: a full disk, a closed output.
Status write_stdout(std::string_view content);

// What fmt::print() and the C library may still hold.
Status flush_stdout();

// Whether a write found that whoever read has gone, as `head` does when it has its lines: then
// there is nobody to write for, and the program ends without a word.
bool reader_has_gone();

// Ends the process as SIGPIPE does, which the program ignores for its sockets: shells see 141.
// Returns that code where the signal cannot be had.
int end_without_reader();

}  // namespace relata::app
