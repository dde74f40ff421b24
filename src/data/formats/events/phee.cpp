// PHEE (Sun et al., EMNLP 2022): JSONL with "context" and annotations[].events[]; an argument is
// {"text": [[piece, ...], ...], "start": [[offset, ...], ...]}, one inner list a span, one piece
// for each part of a span that is not in one place.
#include <unordered_map>

#include "formats/annotators/annotation_formats.h"
#include "formats/json_records.h"
#include "spans.h"

namespace relata::data {
namespace {

constexpr const char* kHint =
    "an argument is {\"text\": [[piece, ...], ...], \"start\": [[offset, ...], ...]}";

bool is_argument(JsonView value) { return value.is_object() && value.find("text").is_array(); }

class PheeReader {
 public:
  PheeReader(const JsonRecord& record, Intake& intake) : record_(record), intake_(intake) {}

  Status run() {
    RELATA_TRY(const std::string_view context, record_.get_text(record_.root(), "context"));
    if (context.empty()) return record_.fail(record_.root().find("context"), "is empty");
    document_.text = context;
    RELATA_TRY(const JsonView id, record_.get(record_.root(), "id"));
    RELATA_TRY(document_.id, record_.as_id(id));
    const SpanReader spans(document_.text, intake_);
    spans_ = &spans;
    RELATA_TRY(const JsonView annotations, record_.get_list(record_.root(), "annotations"));
    for (const JsonView annotation : annotations) {
      RELATA_TRY(const JsonView events, record_.get_list(annotation, "events"));
      for (const JsonView event : events) {
        const Status status = read_event(event);
        if (!status.ok()) RELATA_CHECK(leave_out(status.error(), intake_));
      }
    }
    if (!notes_.empty()) document_.meta["events"] = std::move(notes_);
    if (!fragments_.empty()) document_.meta["fragments"] = std::move(fragments_);
    return intake_.add(std::move(document_), record_.where());
  }

 private:
  Status read_event(JsonView value) {
    Event event;
    RELATA_TRY(const std::string_view type, record_.get_text(value, "event_type"));
    event.type = type;
    RELATA_TRY(const std::string_view id, record_.find_text(value, "event_id"));
    event.id = event_ids_.take(std::string(id));
    Status status;
    value.each_member([&](std::string_view key, JsonView member) {
      if (status.ok()) status = read_member(key, member, event);
    });
    RELATA_CHECK(status);
    document_.events.push_back(std::move(event));
    return {};
  }

  Status read_member(std::string_view key, JsonView member, Event& event) {
    if (key == "event_id" || key == "event_type") return {};
    const std::string role(key);
    if (key == "Trigger") {
      RELATA_TRY(const std::vector<std::vector<ByteRange>> spans, read_spans(member));
      if (spans.empty()) return record_.fail(member, "has no span", kHint);
      event.trigger = enclosing(spans[0]);
      return {};
    }
    if (!is_argument(member)) return record_.fail(member, "is no argument", kHint);
    RELATA_CHECK(read_argument(role, member, event));
    Status status;
    member.each_member([&](std::string_view name, JsonView inner) {
      if (status.ok()) status = read_detail(role, std::string(name), inner, event);
    });
    return status;
  }

  // What an argument says more: narrower arguments, events of combination, and plain values.
  Status read_detail(const std::string& role, const std::string& name, JsonView value,
                     Event& event) {
    if (name == "text" || name == "start" || name == "entity_id") return {};
    const std::string inner_role = role + "." + name;
    if (is_argument(value)) return read_argument(inner_role, value, event);
    if (value.is_array()) {
      for (const JsonView item : value) RELATA_CHECK(read_combination(inner_role, item, event));
      return {};
    }
    notes_[event.id][name == "value" ? role : inner_role] = value.to_json();
    return {};
  }

  // Drugs given together: the word that says so is an argument, and each drug once more.
  Status read_combination(const std::string& role, JsonView value, Event& event) {
    RELATA_CHECK(record_.check_object(value));
    Status status;
    value.each_member([&](std::string_view key, JsonView member) {
      if (!status.ok() || !is_argument(member)) return;
      status =
          read_argument(key == "Trigger" ? role : role + "." + std::string(key), member, event);
    });
    return status;
  }

  Status read_argument(const std::string& role, JsonView value, Event& event) {
    RELATA_TRY(const std::vector<std::vector<ByteRange>> spans, read_spans(value));
    RELATA_TRY(const JsonView ids, record_.find_list(value, "entity_id"));
    for (size_t i = 0; i < spans.size(); ++i) {
      const bool has_id = ids && i < ids.size() && ids.at(i).is_string();
      Argument argument;
      argument.role = role;
      argument.range = enclosing(spans[i]);
      argument.entity = entity_of(has_id ? ids.at(i).string() : "", role, spans[i]);
      event.arguments.push_back(std::move(argument));
    }
    return {};
  }

  // One list of pieces for every span.
  Result<std::vector<std::vector<ByteRange>>> read_spans(JsonView value) const {
    RELATA_CHECK(record_.check_object(value));
    RELATA_TRY(const JsonView texts, record_.get_list(value, "text"));
    RELATA_TRY(const JsonView starts, record_.get_list(value, "start"));
    RELATA_CHECK(record_.check_list(starts, texts.size()));
    std::vector<std::vector<ByteRange>> spans;
    for (auto text = texts.begin(), start = starts.begin(); text != texts.end(); ++text, ++start) {
      RELATA_TRY(std::vector<ByteRange> pieces, read_pieces(*text, *start));
      spans.push_back(std::move(pieces));
    }
    return spans;
  }

  Result<std::vector<ByteRange>> read_pieces(JsonView texts, JsonView starts) const {
    constexpr size_t kLimit = size_t{1} << 32U;
    if (!texts.is_array() || texts.size() == 0) {
      return record_.fail(texts, "is no list of pieces", kHint);
    }
    RELATA_CHECK(record_.check_list(starts, texts.size()));
    std::vector<ByteRange> pieces;
    for (auto text = texts.begin(), start = starts.begin(); text != texts.end(); ++text, ++start) {
      RELATA_TRY(const std::string_view stated, record_.as_text(*text));
      RELATA_TRY(const size_t begin, record_.as_index(*start, kLimit));
      RELATA_TRY(const ByteRange range,
                 spans_->read(begin, begin + text::count_code_points(stated), stated,
                              record_.where() + ": " + record_.root().path_to(*text)));
      pieces.push_back(range);
    }
    return pieces;
  }

  // The entity of that id, role and place; its type is the last part of the role.
  int entity_of(std::string_view id, const std::string& role,
                const std::vector<ByteRange>& pieces) {
    const std::string type = role.substr(role.rfind('.') + 1);
    const ByteRange range = enclosing(pieces);
    const std::string key = std::string(id) + "\t" + type + "\t" + std::to_string(range.begin) +
                            "\t" + std::to_string(range.end);
    const auto [found, is_new] =
        entities_.try_emplace(key, static_cast<int>(document_.entities.size()));
    if (!is_new) return found->second;
    Entity& entity = document_.entities.emplace_back();
    entity.id = entity_ids_.take(std::string(id));
    entity.type = type;
    entity.mentions = {range};
    entity.text = pieces_text(document_.text, pieces);
    if (pieces.size() > 1) {
      entity.names = {entity.text};
      for (const ByteRange& piece : pieces) fragments_[entity.id].push_back(spans_->to_json(piece));
    }
    return found->second;
  }

  const JsonRecord& record_;
  Intake& intake_;
  Document document_;
  const SpanReader* spans_ = nullptr;
  UniqueIds event_ids_;
  UniqueIds entity_ids_;
  std::unordered_map<std::string, int> entities_;
  Json notes_ = Json::object();
  Json fragments_ = Json::object();
};

bool sniff_phee(const Sample& sample) { return sample.has({"context", "annotations"}); }

Status read_phee(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(
      source, intake, [&](const JsonRecord& record) { return PheeReader(record, intake).run(); });
}

}  // namespace

FormatEntry phee_format() {
  FormatEntry entry;
  entry.info.name = "phee";
  entry.info.description = "PHEE's JSONL: drug events with nested arguments";
  entry.sniff = sniff_phee;
  entry.read = read_phee;
  return entry;
}

}  // namespace relata::data
