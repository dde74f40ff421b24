// Files that people write: a page, a PDF or a Word file is one document without annotations.
// Offsets are into the text that is taken out, which the document carries.
#include <algorithm>

#include "papers/docx_text.h"
#include "papers/html_encoding.h"
#include "papers/html_text.h"
#include "papers/pdf_text.h"
#include "registry.h"
#include "relata/text/sentences.h"
#include "relata/text/utf8.h"

namespace relata::data {
namespace {

bool has_ending(const std::string& path, std::string_view ending) {
  if (path.size() < ending.size()) return false;
  return std::equal(ending.begin(), ending.end(),
                    path.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

Status add_paper(std::string text, const std::string& title, Json meta, const Source& source,
                 Intake& intake) {
  Document document;
  document.id = source.stem();
  document.text = std::move(text);
  document.sentences = text::split_sentences(document.text);
  meta["title"] = title.empty() ? source.stem() : title;
  document.meta = std::move(meta);
  return intake.add(std::move(document), source.path);
}

bool sniff_html(const Sample& sample) {
  if (has_ending(sample.path, ".html") || has_ending(sample.path, ".htm") ||
      has_ending(sample.path, ".xhtml")) {
    return true;
  }
  std::string head(sample.head.substr(0, 100));
  for (char& c : head) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return head.starts_with("<!doctype html") || head.starts_with("<html");
}

// The page in UTF-8: as it is, or from the encoding that it names. ISO-2022-JP has no bytes above
// ASCII.
Result<std::string> html_utf8(const Source& source) {
  const std::string charset = html_charset(source.content);
  const bool is_utf8 = !text::find_invalid_utf8(source.content);
  if (is_utf8 && !(charset == "iso-2022-jp" && source.content.find('\x1B') != std::string::npos)) {
    return std::string(source.content);
  }
  if (charset.empty() || charset == "utf8" || charset.starts_with("utf-")) {
    return check_utf8(source.content, source).error();
  }
  return from_encoding(source.content, charset, source.path);
}

Status read_html(const Source& source, const ReadOptions&, Intake& intake) {
  const Result<std::string> html = html_utf8(source);
  if (!html.ok()) return intake.reject(html.error());
  PaperText page = html_text(*html, has_ending(source.path, ".xhtml"));
  if (page.text.empty()) {
    return intake.reject(input_error(source.path + ": the page has no visible text",
                                     "a page that scripts fill must be saved by a browser"));
  }
  return add_paper(std::move(page.text), page.title, Json::object(), source, intake);
}

bool sniff_pdf(const Sample& sample) {
  return sample.head.starts_with("%PDF-") || has_ending(sample.path, ".pdf");
}

Status read_pdf(const Source& source, const ReadOptions&, Intake& intake) {
  Result<PdfText> pdf = pdf_text(source.content, source.path);
  if (!pdf.ok()) return intake.reject(pdf.error());
  // Where pages begin, in code points, so that a place can be found in the file again.
  const text::OffsetMap offsets(pdf->text);
  Json meta = Json::object();
  for (const size_t page : pdf->pages) meta["pages"].push_back(offsets.to_code_point(page));
  return add_paper(std::move(pdf->text), "", std::move(meta), source, intake);
}

bool sniff_docx(const Sample& sample) {
  const bool archive = sample.head.starts_with("PK\x03\x04");
  if (archive && sample.holds("word/")) return true;
  return has_ending(sample.path, ".docx") || has_ending(sample.path, ".doc");
}

Status read_docx(const Source& source, const ReadOptions&, Intake& intake) {
  Result<std::string> text = docx_text(source.content, source.path);
  if (!text.ok()) return intake.reject(text.error());
  return add_paper(std::move(*text), "", Json::object(), source, intake);
}

}  // namespace

FormatEntry html_format() {
  FormatEntry entry;
  entry.info = {"html", "a web page: its visible text is one document"};
  entry.sniff = sniff_html;
  entry.read = read_html;
  return entry;
}

FormatEntry pdf_format() {
  FormatEntry entry;
  entry.info = {"pdf", "a PDF file is one document (by pdftotext)"};
  entry.is_binary = true;
  entry.sniff = sniff_pdf;
  entry.read = read_pdf;
  return entry;
}

FormatEntry docx_format() {
  FormatEntry entry;
  entry.info = {"docx", "a Word file is one document"};
  entry.is_binary = true;
  entry.sniff = sniff_docx;
  entry.read = read_docx;
  return entry;
}

}  // namespace relata::data
