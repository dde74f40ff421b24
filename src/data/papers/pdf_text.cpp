#include "papers/pdf_text.h"

#include <algorithm>

#include "relata/base/process.h"
#include "relata/text/utf8.h"

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f";

// The first line that tells something, for messages.
std::string reason_of(const std::string& errors) {
  const std::string line = errors.substr(0, errors.find('\n'));
  return line.empty() ? "pdftotext gave no reason" : text::replace_invalid_utf8(line);
}

Error pdf_error(const ProcessResult& result, const std::string& path) {
  constexpr int kNotAllowed = 3;
  if (result.code == kNotAllowed || result.errors.find("assword") != std::string::npos ||
      result.errors.find("ncrypted") != std::string::npos) {
    return input_error(path + ": the PDF is encrypted, its text may not be taken out",
                       "remove the password, for example with: qpdf --decrypt IN OUT");
  }
  return input_error(path + ": not a readable PDF: " + reason_of(result.errors),
                     "open it in a viewer and print it to a new PDF");
}

bool is_small_letter(char c) { return c >= 'a' && c <= 'z'; }

// "exam-\nple" becomes "example": a hyphen at a line's end between small letters divides a word
// more often than it belongs to it. Form feeds end pages.
PdfText joined(std::string_view raw) {
  PdfText out;
  out.pages.push_back(0);
  for (size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    const bool divides = c == '-' && i > 0 && is_small_letter(raw[i - 1]) && i + 2 < raw.size() &&
                         raw[i + 1] == '\n' && is_small_letter(raw[i + 2]);
    if (divides) {
      ++i;
    } else if (c == '\f') {
      out.pages.push_back(out.text.size());
    } else if (c != '\r') {
      out.text += c;
    }
  }
  out.text.resize(out.text.find_last_not_of(kSpace) + 1);
  out.pages.pop_back();  // behind the last page
  for (size_t& page : out.pages) page = std::min(page, out.text.size());
  return out;
}

}  // namespace

Result<PdfText> pdf_text(std::string_view bytes, const std::string& path) {
  ProcessLimits limits;
  limits.seconds = 120;
  const auto result =
      run_process({"pdftotext", "-enc", "UTF-8", "-eol", "unix", "-", "-"}, bytes, limits);
  if (!result.ok()) {
    const Error& error = result.error();
    if (error.code == ErrorCode::kResource) {
      return resource_error(path + ": " + error.message,
                            "reading PDF needs pdftotext: install poppler-utils");
    }
    return input_error(path + ": " + error.message, "split the PDF, or leave it out");
  }
  if (result->code != 0) return pdf_error(*result, path);
  const std::string valid = text::replace_invalid_utf8(result->output);
  if (valid.find_first_not_of(kSpace) == std::string::npos) {
    return input_error(path + ": the PDF has no text; it may be a scan",
                       "put a layer of text into it, for example with ocrmypdf");
  }
  return joined(valid.ends_with('\f') ? valid : valid + '\f');
}

}  // namespace relata::data
