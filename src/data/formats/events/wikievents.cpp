// WikiEvents (Li et al., NAACL 2021), and other JSONL of its kind: entity_mentions, event_mentions
// and relation_mentions over the tokens of sentences, each sentence [[[token, begin, end], ...],
// text].
#include <unordered_map>

#include "formats/annotators/annotation_formats.h"
#include "formats/json_records.h"
#include "spans.h"

namespace relata::data {
namespace {

constexpr size_t kNoLimit = size_t{1} << 32U;

class WikiEventsReader {
 public:
  WikiEventsReader(const JsonRecord& record, Intake& intake) : record_(record), intake_(intake) {}

  Status run() {
    const JsonView root = record_.root();
    RELATA_TRY(const std::string_view id, record_.get_text(root, "doc_id"));
    document_.id = id;
    RELATA_TRY(const JsonView sentences, record_.get_list(root, "sentences"));
    for (const JsonView sentence : sentences) RELATA_CHECK(read_sentence(sentence));
    if (document_.text.empty()) return record_.fail(sentences, "has no text");
    RELATA_TRY(const JsonView entities, record_.get_list(root, "entity_mentions"));
    for (const JsonView entity : entities) RELATA_CHECK(read_entity(entity));
    RELATA_TRY(const JsonView events, record_.get_list(root, "event_mentions"));
    for (const JsonView event : events) RELATA_CHECK(read_event(event));
    RELATA_TRY(const JsonView relations, record_.find_list(root, "relation_mentions"));
    if (relations) {
      for (const JsonView relation : relations) RELATA_CHECK(read_relation(relation));
    }
    return intake_.add(std::move(document_), record_.where());
  }

 private:
  // The sentence's own text, with a space before it unless it is the first. The offsets that the
  // file states leave out what stood between sentences, so tokens are found in their order.
  Status read_sentence(JsonView sentence) {
    RELATA_CHECK(record_.check_list(sentence, 2));
    if (!sentence.at(0).is_array()) return record_.fail(sentence.at(0), "is no list of tokens");
    RELATA_TRY(const std::string_view text, record_.as_text(sentence.at(1)));
    if (!document_.text.empty()) document_.text.push_back(' ');
    const size_t begin = document_.text.size();
    document_.text += text;
    size_t at = begin;
    for (const JsonView token : sentence.at(0)) {
      if (!token.is_array() || token.size() == 0) {
        return record_.fail(token, "is not [token, begin, end]");
      }
      RELATA_TRY(const std::string_view word, record_.as_text(token.at(0)));
      const size_t found = document_.text.find(word, at);
      if (word.empty() || found == std::string::npos) {
        return record_.fail(token.at(0), "is not in the rest of its sentence");
      }
      at = found + word.size();
      tokens_.push_back({found, at});
    }
    if (!text.empty()) document_.sentences.push_back({begin, document_.text.size()});
    return {};
  }

  Result<ByteRange> read_range(JsonView value) const {
    RELATA_TRY(const size_t begin, record_.get_index(value, "start", kNoLimit));
    RELATA_TRY(const size_t end, record_.get_index(value, "end", kNoLimit));
    if (begin < end && end <= tokens_.size()) {
      return ByteRange{tokens_[begin].begin, tokens_[end - 1].end};
    }
    return record_.fail(value, "is tokens " + std::to_string(begin) + " to " + std::to_string(end) +
                                   ", no range of the " + std::to_string(tokens_.size()));
  }

  Status read_entity(JsonView value) {
    Entity entity;
    RELATA_TRY(const std::string_view id, record_.get_text(value, "id"));
    RELATA_TRY(const std::string_view type, record_.find_text(value, "entity_type"));
    RELATA_TRY(const std::string_view name, record_.find_text(value, "text"));
    RELATA_TRY(const ByteRange range, read_range(value));
    const std::string covered = document_.text.substr(range.begin, range.end - range.begin);
    entity.id = id;
    entity.type = type;
    entity.text = covered;
    entity.mentions = {range};
    if (!name.empty() && name != covered && !same_letters(name, covered)) {
      entity.text = name;
      entity.names = {entity.text};
    }
    const int index = static_cast<int>(document_.entities.size());
    if (id.empty() || !entities_.try_emplace(entity.id, index).second) {
      return record_.fail(value.find("id"), "is empty or not unique");
    }
    document_.entities.push_back(std::move(entity));
    return {};
  }

  // Names are tokens joined with spaces: "1,300 - plus" covers "1,300-plus".
  static bool same_letters(std::string_view a, std::string_view b) {
    const auto letters = [](std::string_view text) {
      std::string out(text);
      std::erase_if(out, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
      return out;
    };
    return letters(a) == letters(b);
  }

  Result<int> entity_index(JsonView object, const char* key) const {
    RELATA_TRY(const std::string_view id, record_.get_text(object, key));
    const auto found = entities_.find(std::string(id));
    if (found != entities_.end()) return found->second;
    return record_.fail(object.find(key), "is no entity mention of the document");
  }

  Status read_event(JsonView value) {
    Event event;
    RELATA_TRY(const std::string_view id, record_.find_text(value, "id"));
    RELATA_TRY(const std::string_view type, record_.get_text(value, "event_type"));
    RELATA_TRY(const JsonView trigger, record_.get_object(value, "trigger"));
    RELATA_TRY(event.trigger, read_range(trigger));
    RELATA_TRY(const JsonView arguments, record_.get_list(value, "arguments"));
    for (const JsonView item : arguments) {
      Argument argument;
      RELATA_TRY(const std::string_view role, record_.get_text(item, "role"));
      if (role.empty()) return record_.fail(item.find("role"), "is empty");
      argument.role = role;
      RELATA_TRY(argument.entity, entity_index(item, "entity_id"));
      argument.range = document_.entities[argument.entity].mentions[0];
      event.arguments.push_back(std::move(argument));
    }
    event.type = type;
    event.id = event_ids_.take(std::string(id));
    document_.events.push_back(std::move(event));
    return {};
  }

  Status read_relation(JsonView value) {
    Relation relation;
    RELATA_TRY(const std::string_view type, record_.get_text(value, "relation_type"));
    if (type.empty()) return record_.fail(value.find("relation_type"), "is empty");
    relation.type = type;
    RELATA_TRY(const JsonView arguments, record_.get_list(value, "arguments"));
    RELATA_CHECK(record_.check_list(arguments, 2));
    RELATA_TRY(relation.head, entity_index(arguments.at(0), "entity_id"));
    RELATA_TRY(relation.tail, entity_index(arguments.at(1), "entity_id"));
    document_.relations.push_back(std::move(relation));
    return {};
  }

  const JsonRecord& record_;
  Intake& intake_;
  Document document_;
  std::vector<ByteRange> tokens_;
  std::unordered_map<std::string, int> entities_;
  UniqueIds event_ids_;
};

bool sniff_wikievents(const Sample& sample) {
  return sample.has({"doc_id", "sentences"}) &&
         (sample.has({"event_mentions"}) || sample.holds("\"mention_type\""));
}

Status read_wikievents(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return WikiEventsReader(record, intake).run();
  });
}

}  // namespace

FormatEntry wikievents_format() {
  FormatEntry entry;
  entry.info.name = "wikievents";
  entry.info.description = "WikiEvents' JSONL: events of whole documents";
  entry.sniff = sniff_wikievents;
  entry.read = read_wikievents;
  return entry;
}

}  // namespace relata::data
