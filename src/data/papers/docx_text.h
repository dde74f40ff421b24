// The text of a Word document (.docx, ECMA-376).
#pragma once

#include <string>
#include <string_view>

#include "relata/base/result.h"

namespace relata::data {

// Paragraphs with an empty line between them, cells of a table too; a text box follows the
// paragraph that it stands in. What was deleted under "track changes", hidden text, field codes and
// the small text of ruby are left out, headers, footers and notes are not read. Errors name `path`:
// encrypted, an old Word file, damaged, without text, more than 256 MiB when unpacked.
Result<std::string> docx_text(std::string_view bytes, const std::string& path);

}  // namespace relata::data
