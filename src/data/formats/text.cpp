// Plain text: a document a line, or the whole file one document.
#include <algorithm>
#include <array>

#include "registry.h"
#include "relata/base/trim.h"
#include "relata/text/sentences.h"

namespace relata::data {
namespace {

// Whether nearly all lines, but for comments, look like the rows of a table with three columns or
// more.
bool is_table(const Sample& sample) {
  constexpr size_t kLinesTried = 50;
  size_t rows = 0;
  size_t wide = 0;
  for (const std::string_view line : sample.lines(kLinesTried)) {
    if (line.starts_with('#')) continue;
    ++rows;
    wide += std::count(line.begin(), line.end(), '\t') > 1;
  }
  return rows > 1 && wide * 10 >= rows * 9;
}

// Anything is a text; what is guessed to be one has no form that would be lost by reading it so.
bool sniff_text(const Sample& sample) {
  constexpr std::array<std::string_view, 11> kEndings = {
      "", "txt", "text", "md", "markdown", "rst", "log", "tex", "raw", "tok", "lst"};
  if (std::find(kEndings.begin(), kEndings.end(), sample.ending()) == kEndings.end()) return false;
  for (const std::string_view mark :
       {"<?xml", "<!DOCTYPE", "<!doctype", "<html", "<HTML", "%PDF-"}) {
    if (sample.head.starts_with(mark)) return false;
  }
  return !sample.holds_objects && !is_table(sample);
}

// A line of its own at the beginning, followed by an empty one and without a stop; else "".
std::string heading_of(std::string_view text) {
  constexpr size_t kLongest = 200;
  Lines lines(text);
  std::string_view first, second;
  while (lines.next(first) && is_blank(first)) {
  }
  if (!lines.next(second) || !is_blank(second) || first.size() > kLongest) return "";
  first = relata::trimmed(first);
  return first.ends_with('.') || first.ends_with("。") ? "" : std::string(first);
}

Status read_whole(const Source& source, Intake& intake) {
  const Status valid = check_utf8(source.content, source);
  if (!valid.ok()) return intake.reject(valid.error());
  Document document;
  document.id = source.stem();
  document.text = source.content;
  document.sentences = text::split_sentences(document.text);
  const std::string heading = heading_of(document.text);
  document.meta["title"] = heading.empty() ? source.stem() : heading;
  return intake.add(std::move(document), source.path);
}

Status read_lines(const Source& source, const ReadOptions&, Intake& intake) {
  Lines lines(source);
  for (std::string_view line; lines.next(line);) {
    if (is_blank(line)) continue;
    const Status valid = check_utf8(line, source, lines.number());
    if (!valid.ok()) {
      RELATA_CHECK(intake.reject(valid.error()));
      continue;
    }
    Document document;
    document.id = source.stem() + "-" + std::to_string(lines.number());
    document.text = line;
    RELATA_CHECK(intake.add(std::move(document), source.at(lines.number())));
  }
  return {};
}

Status read_text(const Source& source, const ReadOptions& options, Intake& intake) {
  return options.whole_file ? read_whole(source, intake) : read_lines(source, options, intake);
}

Result<std::string> write_text(const std::vector<Document>& documents, const WriteOptions&,
                               Losses& losses) {
  std::string out;
  for (const Document& document : documents) {
    if (document.text.find_first_of("\r\n") != std::string::npos) {
      ++losses["documents whose line breaks became spaces"];
    }
    for (const char c : document.text) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
    out.push_back('\n');
  }
  return out;
}

}  // namespace

FormatEntry text_format() {
  FormatEntry entry;
  entry.info = {"text", "plain text, one document a line"};
  entry.holds = kHoldsTextAlone;
  entry.sniff = sniff_text;
  entry.read = read_text;
  entry.write = write_text;
  return entry;
}

FormatEntry lines_format() {
  FormatEntry entry;
  entry.info = {"lines", "plain text, one document a line, also where a file would be one"};
  entry.parts = Parts::kLines;
  entry.read = read_lines;
  return entry;
}

}  // namespace relata::data
