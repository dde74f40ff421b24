// CrudeOilNews (Lee et al., LREC 2022) as JSON: one document a file, a list of sentences with
// "words", "golden-entity-mentions" and "golden-event-mentions"; token offsets in the sentence,
// half-open. Labels come in three spellings there; see label() and role_name().
#include <array>
#include <map>

#include "formats/annotators/annotation_formats.h"
#include "formats/json_records.h"
#include "formats/token_text.h"
#include "spans.h"

namespace relata::data {
namespace {

constexpr std::array<const char*, 3> kAspects = {"polarity", "modality", "intensity"};

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

// The gold-standard part writes "Movement-up-gain" and "Supplier_Consumer", the augmented part the
// same labels in capitals. Here they are in lower case behind the first letter.
std::string label(std::string_view stated) {
  std::string out(stated);
  for (char& c : out) c = to_lower(c);
  if (!out.empty()) out[0] = to_upper(out[0]);
  return out;
}

// A role that an event has several times is numbered by the annotation tool: "Place", "Place2".
std::string role_name(std::string_view stated) {
  const size_t last = stated.find_last_not_of("0123456789");
  return label(stated.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

// Two slips of the annotation have names of their own.
std::string entity_type(std::string_view stated) {
  std::string type = label(stated);
  if (type == "Percent") return "Percentage";
  return type == "Place" ? "Location" : type;
}

class CrudeOilReader {
 public:
  CrudeOilReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status run() {
    const JsonView root = record_.root();
    if (!root.is_array()) return record_.fail(root, "is no list of sentences");
    document_.id = source_.stem();
    for (const JsonView sentence : root) {
      RELATA_TRY(const JsonView words, record_.get_list(sentence, "words"));
      first_ = tokens_.size();
      RELATA_CHECK(read_tokens(record_, words, tokens_));
      if (const auto range = tokens_.range(first_, tokens_.size())) {
        document_.sentences.push_back(*range);
      }
      RELATA_CHECK(read_sentence(sentence));
    }
    if (tokens_.text().empty()) return record_.fail(root, "has no words");
    keep_cues();
    if (!notes_.empty()) document_.meta["events"] = std::move(notes_);
    if (!links_.empty()) document_.meta["event_relations"] = std::move(links_);
    tokens_.hand_over(document_);
    return intake_.add(std::move(document_), source_.path);
  }

 private:
  Status mend(const Status& status) const {
    return status.ok() ? status : leave_out(status.error(), intake_);
  }

  Status read_sentence(JsonView sentence) {
    RELATA_TRY(const JsonView entities, record_.get_list(sentence, "golden-entity-mentions"));
    for (const JsonView entity : entities) RELATA_CHECK(mend(read_entity(entity)));
    RELATA_TRY(const JsonView events, record_.get_list(sentence, "golden-event-mentions"));
    for (const JsonView event : events) RELATA_CHECK(mend(read_event(event)));
    RELATA_TRY(const JsonView links, record_.find_list(sentence, "event-event-relations"));
    if (links) {
      for (const JsonView link : links) RELATA_CHECK(mend(read_link(link)));
    }
    return {};
  }

  Result<ByteRange> read_range(JsonView value) const {
    const size_t words = tokens_.size() - first_;
    RELATA_TRY(const size_t begin, record_.get_index(value, "start", words + 1));
    RELATA_TRY(const size_t end, record_.get_index(value, "end", words + 1));
    if (const auto range = tokens_.range(first_ + begin, first_ + end)) return *range;
    return record_.fail(value, "is words " + std::to_string(begin) + " to " + std::to_string(end) +
                                   ", no range of the sentence's " + std::to_string(words));
  }

  Status read_entity(JsonView value) {
    Entity entity;
    RELATA_TRY(const ByteRange range, read_range(value));
    RELATA_TRY(const std::string_view type, record_.find_text(value, "entity-type"));
    RELATA_TRY(const std::string_view name, record_.find_text(value, "text"));
    entity.id = "e" + std::to_string(document_.entities.size());
    entity.type = entity_type(type);
    // A word that tells modality or intensity is no entity; a few stand among them.
    if (entity.type.ends_with("_cue")) {
      cues_.push_back({"", entity.type, range});
      return {};
    }
    entity.mentions = {range};
    entity.text = tokens_.text().substr(range.begin, range.end - range.begin);
    // Names are as in the news, words as the parser made them: "(" is "-LRB-".
    if (!name.empty() && name != entity.text) {
      entity.text = name;
      entity.names = {entity.text};
    }
    entities_.try_emplace({range.begin, range.end}, static_cast<int>(document_.entities.size()));
    document_.entities.push_back(std::move(entity));
    return {};
  }

  Status read_event(JsonView value) {
    Event event;
    RELATA_TRY(const std::string_view id, record_.find_text(value, "id"));
    RELATA_TRY(const std::string_view type, record_.get_text(value, "event_type"));
    RELATA_TRY(const JsonView trigger, record_.get_object(value, "trigger"));
    RELATA_TRY(event.trigger, read_range(trigger));
    RELATA_TRY(const JsonView arguments, record_.get_list(value, "arguments"));
    for (const JsonView item : arguments) RELATA_CHECK(mend(read_argument(item, event)));
    event.type = label(type);
    event.id = event_ids_.take(std::string(id));
    RELATA_CHECK(read_aspects(value, event.id));
    document_.events.push_back(std::move(event));
    return {};
  }

  Status read_argument(JsonView value, Event& event) const {
    Argument argument;
    RELATA_TRY(const std::string_view role, record_.get_text(value, "role"));
    argument.role = role_name(role);
    if (argument.role.empty()) return record_.fail(value.find("role"), "names no role");
    RELATA_TRY(argument.range, read_range(value));
    const auto found = entities_.find({argument.range.begin, argument.range.end});
    if (found != entities_.end()) argument.entity = found->second;
    event.arguments.push_back(std::move(argument));
    return {};
  }

  // Polarity, modality and intensity of an event, and the words that tell them.
  Status read_aspects(JsonView value, const std::string& id) {
    for (const char* aspect : kAspects) {
      RELATA_TRY(const std::string_view text, record_.find_text(value, aspect));
      if (!text.empty()) notes_[id][aspect] = text;
      const std::string cue = std::string(aspect) + "_cue";
      const JsonView span = value.find(cue);
      if (!span.is_object()) continue;
      RELATA_TRY(const ByteRange range, read_range(span));
      cues_.push_back({id, cue, range});
    }
    return {};
  }

  Status read_link(JsonView value) {
    Json link = {{"type", "cause"}};
    for (const auto& [key, role] : {std::pair("cause", "head"), std::pair("effect", "tail")}) {
      RELATA_TRY(const JsonView side, record_.get_object(value, key));
      RELATA_TRY(const std::string_view id, record_.get_text(side, "event_id"));
      link[role] = id;
    }
    links_.push_back(std::move(link));
    return {};
  }

  void keep_cues() {
    const text::OffsetMap offsets(tokens_.text());
    for (const Cue& cue : cues_) {
      const Json place = {offsets.to_code_point(cue.range.begin),
                          offsets.to_code_point(cue.range.end)};
      if (cue.event.empty()) {
        document_.meta["cues"].push_back({cue.key, place});
      } else {
        notes_[cue.event][cue.key] = place;
      }
    }
  }

  struct Cue {
    std::string event;  // "" if it stands among the entities
    std::string key;
    ByteRange range;
  };

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  TokenText tokens_;
  size_t first_ = 0;  // token of the sentence that is read
  Document document_;
  std::map<std::pair<size_t, size_t>, int> entities_;
  UniqueIds event_ids_;
  std::vector<Cue> cues_;
  Json notes_ = Json::object();
  Json links_ = Json::array();
};

bool sniff_crudeoilnews(const Sample& sample) {
  return sample.is_list && sample.has({"words"}) &&
         (sample.has({"golden-event-mentions"}) || sample.has({"sentence_id", "pos-tags"}));
}

Status read_crudeoilnews(const Source& source, const ReadOptions&, Intake& intake) {
  const Status status = read_json_value(source, [&](const JsonRecord& record) {
    return CrudeOilReader(record, source, intake).run();
  });
  return status.ok() ? status : intake.reject(status.error());
}

}  // namespace

FormatEntry crudeoilnews_format() {
  FormatEntry entry;
  entry.info.name = "crudeoilnews";
  entry.info.description =
      "CrudeOilNews' JSON: a list of sentences with events, one document a file";
  entry.sniff = sniff_crudeoilnews;
  entry.read = read_crudeoilnews;
  return entry;
}

}  // namespace relata::data
