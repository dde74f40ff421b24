// Plain text: a document a line, or the whole file one document.
#include "registry.h"

namespace relata::data {
namespace {

bool sniff_text(const Sample& sample) {
  return !sample.path.ends_with(".json") && !sample.path.ends_with(".jsonl");
}

Status read_text(const Source& source, const ReadOptions& options, Intake& intake) {
  if (options.whole_file) {
    const Status valid = check_utf8(source.content, source);
    if (!valid.ok()) return intake.reject(valid.error());
    Document document;
    document.id = source.stem();
    document.text = source.content;
    return intake.add(std::move(document), source.path);
  }
  Lines lines(source.content);
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

}  // namespace relata::data
