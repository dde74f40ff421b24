// The text of a PDF, by poppler's pdftotext.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata::data {

struct PdfText {
  std::string text;           // valid UTF-8; pages follow each other
  std::vector<size_t> pages;  // where each page begins, in bytes
};

// A program of its own reads the file, so that a damaged or hostile one ends that program only.
// Words that a line break divides are joined again. Errors name `path`: no pdftotext, encrypted, no
// text in it, damaged, more than two minutes or 256 MiB of text.
Result<PdfText> pdf_text(std::string_view bytes, const std::string& path);

}  // namespace relata::data
