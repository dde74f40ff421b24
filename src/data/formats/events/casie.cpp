// CASIE (Satyapanich et al., AAAI 2020): one JSON object a document with "content" and
// cyberevent.hopper[].events[], each with a nugget and arguments; offsets in code points.
#include <unordered_map>

#include "formats/annotators/annotation_formats.h"
#include "formats/json_records.h"
#include "spans.h"

namespace relata::data {
namespace {

class CasieReader {
 public:
  CasieReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status run() {
    RELATA_TRY(const std::string_view content, record_.get_text(record_.root(), "content"));
    if (content.empty()) {
      return record_.fail(record_.root().find("content"), "is empty");
    }
    document_.text = content;
    RELATA_TRY(const std::string_view file, record_.find_text(record_.root(), "sourcefile"));
    document_.id = file.empty() ? source_.stem() : std::string(file.substr(0, file.rfind('.')));
    const SpanReader spans(document_.text, intake_);
    spans_ = &spans;
    RELATA_TRY(const JsonView events, record_.get_object(record_.root(), "cyberevent"));
    RELATA_TRY(const JsonView hoppers, record_.get_list(events, "hopper"));
    for (const JsonView hopper : hoppers) RELATA_CHECK(read_hopper(hopper));
    finish_meta();
    return intake_.add(std::move(document_), record_.where());
  }

 private:
  // The events of a hopper are one event, told several times.
  Status read_hopper(JsonView hopper) {
    RELATA_TRY(const JsonView events, record_.get_list(hopper, "events"));
    Json ids = Json::array();
    for (const JsonView event : events) {
      const size_t before = document_.events.size();
      const Status status = read_event(event);
      if (!status.ok()) {
        RELATA_CHECK(leave_out(status.error(), intake_));
      } else if (document_.events.size() > before) {
        ids.push_back(document_.events.back().id);
      }
    }
    hoppers_.push_back(std::move(ids));
    return {};
  }

  Status read_event(JsonView value) {
    Event event;
    RELATA_TRY(const std::string_view subtype, record_.get_text(value, "subtype"));
    event.type = subtype;
    RELATA_TRY(const JsonView nugget, record_.get_object(value, "nugget"));
    RELATA_TRY(event.trigger, read_span(nugget));
    RELATA_TRY(const std::string_view index, record_.find_text(value, "index"));
    RELATA_TRY(const JsonView arguments, record_.find_list(value, "argument"));
    if (arguments) {
      for (const JsonView argument : arguments) {
        const Status status = read_argument(argument, event);
        if (!status.ok()) RELATA_CHECK(leave_out(status.error(), intake_));
      }
    }
    event.id = event_ids_.take(std::string(index));
    RELATA_CHECK(note(value, "type", event.id));
    RELATA_CHECK(note(value, "realis", event.id));
    document_.events.push_back(std::move(event));
    return {};
  }

  Status note(JsonView value, const char* key, const std::string& id) {
    RELATA_TRY(const std::string_view text, record_.find_text(value, key));
    if (!text.empty()) notes_[id][key] = text;
    return {};
  }

  Result<ByteRange> read_span(JsonView value) const {
    constexpr size_t kLimit = size_t{1} << 32U;
    RELATA_TRY(const size_t begin, record_.get_index(value, "startOffset", kLimit));
    RELATA_TRY(const size_t end, record_.get_index(value, "endOffset", kLimit));
    RELATA_TRY(const std::string_view text, record_.get_text(value, "text"));
    return spans_->read(begin, end, text, record_.where() + ": " + record_.root().path_to(value));
  }

  Status read_argument(JsonView value, Event& event) {
    Argument argument;
    RELATA_TRY(const JsonView role, record_.get_object(value, "role"));
    RELATA_TRY(const std::string_view name, record_.get_text(role, "type"));
    if (name.empty()) return record_.fail(role.find("type"), "is empty");
    argument.role = name;
    RELATA_TRY(argument.range, read_span(value));
    RELATA_TRY(argument.entity, read_entity(value, argument.range));
    event.arguments.push_back(std::move(argument));
    return {};
  }

  // Arguments with the same index and place are one entity.
  Result<int> read_entity(JsonView value, const ByteRange& range) {
    RELATA_TRY(const std::string_view index, record_.find_text(value, "index"));
    RELATA_TRY(const std::string_view type, record_.find_text(value, "type"));
    const std::string key = std::string(index) + "\t" + std::string(type) + "\t" +
                            std::to_string(range.begin) + "\t" + std::to_string(range.end);
    const auto [found, is_new] =
        entities_.try_emplace(key, static_cast<int>(document_.entities.size()));
    if (!is_new) return found->second;
    Entity& entity = document_.entities.emplace_back();
    entity.id = entity_ids_.take(std::string(index));
    entity.text = document_.text.substr(range.begin, range.end - range.begin);
    entity.type = type;
    entity.mentions = {range};
    if (const JsonView reference = value.find("external_reference")) {
      const JsonView id = reference.find("wikidataid");
      if (id.is_string()) references_[entity.id] = id.string();
    }
    return found->second;
  }

  void finish_meta() {
    if (const JsonView info = record_.root().find("info")) document_.meta["info"] = info.to_json();
    if (!notes_.empty()) document_.meta["events"] = std::move(notes_);
    if (!hoppers_.empty()) document_.meta["hoppers"] = std::move(hoppers_);
    if (!references_.empty()) document_.meta["entity_ids"] = std::move(references_);
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  Document document_;
  const SpanReader* spans_ = nullptr;
  UniqueIds event_ids_;
  UniqueIds entity_ids_;
  std::unordered_map<std::string, int> entities_;
  Json notes_ = Json::object();
  Json hoppers_ = Json::array();
  Json references_ = Json::object();
};

bool sniff_casie(const Sample& sample) {
  return sample.has({"content", "cyberevent"}) ||
         (sample.has({"sourcefile"}) && sample.holds("\"cyberevent\""));
}

Status read_casie(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return CasieReader(record, source, intake).run();
  });
}

}  // namespace

FormatEntry casie_format() {
  FormatEntry entry;
  entry.info.name = "casie";
  entry.info.description = "CASIE's JSON: cyber security events, one document a file";
  entry.sniff = sniff_casie;
  entry.read = read_casie;
  return entry;
}

}  // namespace relata::data
