// relata's own record (document.h), one a line.
#include "json_records.h"
#include "registry.h"
#include "stated_names.h"

namespace relata::data {
namespace {

bool sniff_jsonl(const Sample& sample) { return sample.holds_objects && !sample.is_list; }

Status read_jsonl(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    RELATA_TRY(Document document, document_from_json(record.root().to_json(), record.where()));
    if (document.id.empty()) document.id = source.stem() + "-" + std::to_string(record.line());
    RELATA_CHECK(check_stated_names(document, record.where(), intake));
    return intake.add(std::move(document), record.where());
  });
}

Result<std::string> write_jsonl(const std::vector<Document>& documents, const WriteOptions&,
                                Losses&) {
  std::string out;
  for (const Document& document : documents) out += to_json_line(document) + "\n";
  return out;
}

}  // namespace

FormatEntry jsonl_format() {
  FormatEntry entry;
  entry.info = {"jsonl", "relata's own record, one JSON document a line"};
  entry.holds = kHoldsAll;
  entry.parts = Parts::kJsonValues;
  entry.sniff = sniff_jsonl;
  entry.read = read_jsonl;
  entry.write = write_jsonl;
  return entry;
}

}  // namespace relata::data
