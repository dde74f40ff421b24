// Subject, predicate, object: one {"text", "spo_list": [{"subject", "subject_type", "predicate",
// "object", "object_type"}]} a line. Objects are text, or {"@value": text, "inWork": text, ...}
// with further slots, and their types alike; what stands beside "@value", and other members of an
// item ("Combined"), goes to meta "spo" under the relation's number. Spans and other spellings of
// types are read as triples.h says.
// Source: DuIE 1.0 and 2.0 (LUGE), CMeIE (CBLUE).
#include "registry.h"
#include "triples.h"

namespace relata::data {
namespace {

// What the relation alone does not tell of the item.
Json rest_of(JsonView item) {
  Json rest = Json::object();
  item.each_member([&](std::string_view key, JsonView member) {
    if (!is_triple_member(key)) {
      rest[std::string(key)] = member.to_json();
      return;
    }
    member.each_member([&](std::string_view slot, JsonView value) {
      if (slot != kTripleValue) rest[std::string(key)][std::string(slot)] = value.to_json();
    });
  });
  return rest;
}

bool sniff_spo(const Sample& sample) { return sample.has({"text", "spo_list"}); }

Status read_spo(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    DocumentBuilder builder;
    RELATA_TRY(builder.document.id, record_id(record, source, {"id"}));
    RELATA_TRY(builder.document.text, record.get_text(record.root(), "text"));
    RELATA_TRY(const JsonView items, record.get_list(record.root(), "spo_list"));
    TripleReader reader(record, builder, intake);
    for (const JsonView item : items) {
      const std::string number = std::to_string(builder.document.relations.size());
      RELATA_CHECK(reader.read_item(item));
      Json rest = rest_of(item);
      if (!rest.empty()) builder.document.meta["spo"][number] = std::move(rest);
    }
    return intake.add(std::move(builder.document), record.where());
  });
}

}  // namespace

FormatEntry spo_format() {
  FormatEntry entry;
  entry.info = {"spo", "DuIE and CMeIE: texts with subject, predicate, object"};
  entry.sniff = sniff_spo;
  entry.read = read_spo;
  return entry;
}

}  // namespace relata::data
