// jsonl and text: one document a line.
#include "readers.h"

namespace relata::data {
namespace {

Result<Document> parse_json_line(std::string_view line, const Source& source, size_t number) {
  RELATA_CHECK(check_utf8(line, source, number));
  const auto value = parse_json(line, source.path);
  if (!value.ok()) {
    Error error = value.error();
    const std::string place = source.at(1);
    if (error.message.starts_with(place + ":")) {
      error.message.replace(0, place.size(), source.at(number));
    }
    if (error.hint.empty()) error.hint = "jsonl has one JSON object a line";
    return error;
  }
  RELATA_TRY(Document document, document_from_json(*value, source.at(number)));
  if (document.id.empty()) document.id = source.stem() + "-" + std::to_string(number);
  return document;
}

}  // namespace

Status read_jsonl(const Source& source, BadRecords& bad, Dataset& dataset) {
  Lines lines(source.content);
  for (std::string_view line; lines.next(line);) {
    if (is_blank(line)) continue;
    auto document = parse_json_line(line, source, lines.number());
    if (document.ok()) {
      dataset.documents.push_back(std::move(document).value());
    } else {
      RELATA_CHECK(bad.add(document.error()));
    }
  }
  return {};
}

Result<std::string> write_jsonl(const std::vector<Document>& documents) {
  std::string out;
  for (const Document& document : documents) out += to_json_line(document) + "\n";
  return out;
}

Status read_text(const Source& source, bool whole_file, BadRecords& bad, Dataset& dataset) {
  if (whole_file) {
    const Status valid = check_utf8(source.content, source);
    if (!valid.ok()) return bad.add(valid.error());
    Document document;
    document.id = source.stem();
    document.text = source.content;
    dataset.documents.push_back(std::move(document));
    return {};
  }
  Lines lines(source.content);
  for (std::string_view line; lines.next(line);) {
    if (is_blank(line)) continue;
    const Status valid = check_utf8(line, source, lines.number());
    if (!valid.ok()) {
      RELATA_CHECK(bad.add(valid.error()));
      continue;
    }
    Document document;
    document.id = source.stem() + "-" + std::to_string(lines.number());
    document.text = line;
    dataset.documents.push_back(std::move(document));
  }
  return {};
}

Result<std::string> write_text(const std::vector<Document>& documents) {
  std::string out;
  for (const Document& document : documents) {
    for (const char c : document.text) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
    out.push_back('\n');
  }
  return out;
}

}  // namespace relata::data
