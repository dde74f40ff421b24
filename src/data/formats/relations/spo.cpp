// Subject, predicate, object: one {"text", "spo_list": [{"subject", "subject_type", "predicate",
// "object", "object_type"}]} a line. Objects are text, or {"@value": text, "inWork": text, ...}
// with further slots, and their types alike; what stands beside "@value", and other members of an
// item
// ("Combined"), goes to meta "spo" under the relation's number.
// Source: DuIE 1.0 and 2.0 (LUGE), CMeIE (CBLUE).
#include "building.h"
#include "registry.h"

namespace relata::data {
namespace {

constexpr const char* kValue = "@value";

// The text of a slot that may be wrapped in {"@value": ...}.
Result<std::string_view> read_slot(const JsonRecord& record, JsonView item, const char* key) {
  RELATA_TRY(const JsonView slot, record.get(item, key));
  if (slot.is_object()) return record.get_text(slot, kValue);
  return record.as_text(slot);
}

Result<std::string_view> find_slot(const JsonRecord& record, JsonView item, const char* key) {
  const JsonView slot = item.find(key);
  if (!slot || slot.is_null()) return std::string_view();
  return read_slot(record, item, key);
}

// What the relation alone does not tell of the item.
Json rest_of(JsonView item) {
  Json rest = Json::object();
  item.each_member([&](std::string_view key, JsonView member) {
    if (key == "subject" || key == "subject_type" || key == "predicate") return;
    if (key != "object" && key != "object_type") {
      rest[std::string(key)] = member.to_json();
      return;
    }
    member.each_member([&](std::string_view slot, JsonView value) {
      if (slot != kValue) rest[std::string(key)][std::string(slot)] = value.to_json();
    });
  });
  return rest;
}

Status read_item(const JsonRecord& record, JsonView item, DocumentBuilder& builder) {
  RELATA_TRY(const std::string_view subject, read_slot(record, item, "subject"));
  RELATA_TRY(const std::string_view object, read_slot(record, item, "object"));
  RELATA_TRY(const std::string_view subject_type, find_slot(record, item, "subject_type"));
  RELATA_TRY(const std::string_view object_type, find_slot(record, item, "object_type"));
  RELATA_TRY(const std::string_view predicate, record.get_text(item, "predicate"));
  if (subject.empty()) return record.fail(item.find("subject"), "is empty");
  if (object.empty()) return record.fail(item.find("object"), "is empty");
  if (predicate.empty()) return record.fail(item.find("predicate"), "is empty");
  Json rest = rest_of(item);
  if (!rest.empty()) {
    builder.document.meta["spo"][std::to_string(builder.document.relations.size())] =
        std::move(rest);
  }
  const int head = builder.named(subject, subject_type);
  builder.relate(head, builder.named(object, object_type), predicate);
  return {};
}

bool sniff_spo(const Sample& sample) { return sample.has({"text", "spo_list"}); }

Status read_spo(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    DocumentBuilder builder;
    RELATA_TRY(builder.document.id, record_id(record, source, {"id"}));
    RELATA_TRY(builder.document.text, record.get_text(record.root(), "text"));
    RELATA_TRY(const JsonView items, record.get_list(record.root(), "spo_list"));
    for (const JsonView item : items) RELATA_CHECK(read_item(record, item, builder));
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
