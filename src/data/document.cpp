#include "relata/data/document.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "formats/tables/pair_rows.h"
#include "relata/base/fields.h"

namespace relata::data {
namespace {

using text::OffsetMap;

Json range_to_json(const ByteRange& range, const OffsetMap& offsets) {
  return {offsets.to_code_point(range.begin), offsets.to_code_point(range.end)};
}

Json ranges_to_json(const std::vector<ByteRange>& ranges, const OffsetMap& offsets) {
  Json list = Json::array();
  for (const ByteRange& range : ranges) list.push_back(range_to_json(range, offsets));
  return list;
}

bool is_empty(const ByteRange& range) { return range.begin == range.end; }

Json event_to_json(const Event& event, const Document& document, const OffsetMap& offsets) {
  Json item = {{"id", event.id}, {"type", event.type}};
  if (!is_empty(event.trigger)) item["trigger"] = range_to_json(event.trigger, offsets);
  Json& arguments = item["arguments"] = Json::array();
  for (const Argument& argument : event.arguments) {
    Json& out = arguments.emplace_back(Json{{"role", argument.role}});
    if (!is_empty(argument.range)) out["range"] = range_to_json(argument.range, offsets);
    if (argument.entity >= 0) out["entity"] = document.entities.at(argument.entity).id;
  }
  return item;
}

Json entity_to_json(const Entity& entity, const OffsetMap& offsets) {
  Json item = {{"id", entity.id},
               {"text", entity.text},
               {"type", entity.type},
               {"mentions", ranges_to_json(entity.mentions, offsets)}};
  if (!entity.names.empty()) item["names"] = entity.names;
  return item;
}

bool comes_before(const ByteRange& a, const ByteRange& b) {
  return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
}

// Reads one document; every method's error names the place inside the record.
class DocumentReader {
 public:
  DocumentReader(const Json& value, const std::string& where) : value_(value), where_(where) {}

  Result<Document> read() {
    if (!value_.is_object()) return fail("", "is not an object");
    RELATA_CHECK(check_members(
        value_, "", {"id", "text", "sentences", "entities", "relations", "events", "meta"}));
    Document document;
    RELATA_CHECK(get_string(value_, "", "text", true, document.text));
    RELATA_CHECK(get_string(value_, "", "id", false, document.id));
    if (const auto bad = text::find_invalid_utf8(document.text)) {
      return fail("text", "has invalid UTF-8 at byte " + std::to_string(*bad + 1));
    }
    const OffsetMap offsets(document.text);
    RELATA_CHECK(read_sentences(offsets, document));
    RELATA_TRY(const Json* entities, get_array(value_, "", "entities"));
    for (size_t i = 0; entities && i < entities->size(); ++i) {
      RELATA_CHECK(read_entity((*entities)[i], i, offsets, document));
    }
    RELATA_TRY(const Json* relations, get_array(value_, "", "relations"));
    for (size_t i = 0; relations && i < relations->size(); ++i) {
      RELATA_CHECK(read_relation((*relations)[i], i, offsets, document));
    }
    RELATA_TRY(const Json* events, get_array(value_, "", "events"));
    for (size_t i = 0; events && i < events->size(); ++i) {
      RELATA_CHECK(read_event((*events)[i], i, offsets, document));
    }
    RELATA_CHECK(read_meta(document));
    return document;
  }

 private:
  Error fail(const std::string& place, const std::string& problem) const {
    return input_error(where_ + ": " + (place.empty() ? "the record" : place) + " " + problem,
                       "see the result record in the manual: {\"id\", \"text\", \"entities\", "
                       "\"relations\", \"events\"}, offsets in code points");
  }
  static std::string join(const std::string& place, const std::string& key) {
    return place.empty() ? key : place + "." + key;
  }

  // What is not known would be lost; "meta" is the place for it.
  Status check_members(const Json& object, const std::string& place,
                       const std::vector<std::string>& known) const {
    for (const auto& [key, value] : object.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto nearest = nearest_name(key, known);
      Error error = fail(place, "has the unknown member \"" + key + "\"" +
                                    (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
      error.hint =
          "put what relata need not understand into \"meta\", or name the file's format; " +
          error.hint;
      return error;
    }
    return {};
  }

  Status get_string(const Json& object, const std::string& place, const char* key, bool required,
                    std::string& out) const {
    const auto found = object.find(key);
    if (found == object.end()) {
      if (!required) return {};
      return fail(place, std::string("has no \"") + key + "\"");
    }
    if (!found->is_string()) return fail(join(place, key), "is not a string");
    out = found->get_ref<const std::string&>();
    if (required && out.empty()) return fail(join(place, key), "is empty");
    return {};
  }

  Result<const Json*> get_array(const Json& object, const std::string& place,
                                const char* key) const {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return static_cast<const Json*>(nullptr);
    if (!found->is_array()) return fail(join(place, key), "is not a list");
    return static_cast<const Json*>(&*found);
  }

  static std::optional<uint64_t> offset(const Json& value) {
    if (!value.is_number_integer()) return std::nullopt;
    if (!value.is_number_unsigned() && value.get<int64_t>() < 0) return std::nullopt;
    return value.get<uint64_t>();
  }

  Result<ByteRange> to_range(const Json& range, const std::string& place,
                             const OffsetMap& offsets) const {
    if (!range.is_array() || range.size() != 2) return fail(place, "is not [begin, end]");
    const auto begin = offset(range[0]);
    const auto end = offset(range[1]);
    if (!begin || !end || *begin >= *end || *end > offsets.code_points()) {
      return fail(place, "is " + range.dump(-1, ' ', false, Json::error_handler_t::replace) +
                             ", not a range inside the text's " +
                             std::to_string(offsets.code_points()) + " code points");
    }
    return ByteRange{offsets.to_byte(*begin), offsets.to_byte(*end)};
  }

  Status get_ranges(const Json& object, const std::string& place, const char* key,
                    const OffsetMap& offsets, std::vector<ByteRange>& out) const {
    RELATA_TRY(const Json* list, get_array(object, place, key));
    for (size_t i = 0; list && i < list->size(); ++i) {
      const std::string item = join(place, key) + "[" + std::to_string(i) + "]";
      RELATA_TRY(const ByteRange range, to_range((*list)[i], item, offsets));
      out.push_back(range);
    }
    return {};
  }

  // Leaves `out` empty when the key is missing or null.
  Status get_range(const Json& object, const std::string& place, const char* key,
                   const OffsetMap& offsets, ByteRange& out) const {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    RELATA_TRY(out, to_range(*found, join(place, key), offsets));
    return {};
  }

  Status read_sentences(const OffsetMap& offsets, Document& document) const {
    std::vector<ByteRange>& sentences = document.sentences;
    RELATA_CHECK(get_ranges(value_, "", "sentences", offsets, sentences));
    std::sort(sentences.begin(), sentences.end(), comes_before);
    for (size_t i = 1; i < sentences.size(); ++i) {
      if (sentences[i].begin < sentences[i - 1].end) {
        return fail("sentences", "overlap at code point " +
                                     std::to_string(offsets.to_code_point(sentences[i].begin)));
      }
    }
    return {};
  }

  Status get_names(const Json& object, const std::string& place, Entity& entity) const {
    RELATA_TRY(const Json* names, get_array(object, place, "names"));
    if (!names || names->empty()) return {};
    if (names->size() != entity.mentions.size()) {
      return fail(place + ".names", "has " + std::to_string(names->size()) + " for " +
                                        std::to_string(entity.mentions.size()) + " mentions");
    }
    for (size_t i = 0; i < names->size(); ++i) {
      const Json& name = (*names)[i];
      if (!name.is_string()) {
        return fail(place + ".names[" + std::to_string(i) + "]", "is not a string");
      }
      entity.names.push_back(name.get<std::string>());
    }
    return {};
  }

  Status read_entity(const Json& value, size_t index, const OffsetMap& offsets,
                     Document& document) {
    const std::string place = "entities[" + std::to_string(index) + "]";
    if (!value.is_object()) return fail(place, "is not an object");
    RELATA_CHECK(check_members(value, place, {"id", "text", "type", "mentions", "names"}));
    Entity entity;
    RELATA_CHECK(get_string(value, place, "id", true, entity.id));
    RELATA_CHECK(get_string(value, place, "type", false, entity.type));
    RELATA_CHECK(get_string(value, place, "text", false, entity.text));
    RELATA_CHECK(get_ranges(value, place, "mentions", offsets, entity.mentions));
    RELATA_CHECK(get_names(value, place, entity));
    sort_mentions(entity);
    // "" without mentions is the entity of a published record that leaves it out.
    const bool has_none = entity.mentions.empty() && value.contains("text");
    if (entity.text.empty() && !has_none) {
      if (entity.mentions.empty()) return fail(place, "has neither \"text\" nor \"mentions\"");
      const ByteRange& first = entity.mentions.front();
      entity.text = document.text.substr(first.begin, first.end - first.begin);
    }
    if (!entity_index_.try_emplace(entity.id, static_cast<int>(index)).second) {
      return fail(place + ".id", "\"" + entity.id + "\" is not unique in the document");
    }
    document.entities.push_back(std::move(entity));
    return {};
  }

  Status get_entity(const Json& object, const std::string& place, const char* key, int& out) const {
    std::string id;
    RELATA_CHECK(get_string(object, place, key, true, id));
    const auto found = entity_index_.find(id);
    if (found == entity_index_.end()) {
      return fail(join(place, key), "\"" + id + "\" is no entity of the document");
    }
    out = found->second;
    return {};
  }

  Status read_relation(const Json& value, size_t index, const OffsetMap& offsets,
                       Document& document) const {
    const std::string place = "relations[" + std::to_string(index) + "]";
    if (!value.is_object()) return fail(place, "is not an object");
    RELATA_CHECK(check_members(value, place, {"head", "tail", "type", "score", "evidence"}));
    Relation relation;
    RELATA_CHECK(get_entity(value, place, "head", relation.head));
    RELATA_CHECK(get_entity(value, place, "tail", relation.tail));
    RELATA_CHECK(get_string(value, place, "type", true, relation.type));
    RELATA_CHECK(get_ranges(value, place, "evidence", offsets, relation.evidence));
    const auto score = value.find("score");
    if (score != value.end() && !score->is_null()) {
      if (!score->is_number()) return fail(place + ".score", "is not a number");
      relation.score = score->get<double>();
    }
    document.relations.push_back(std::move(relation));
    return {};
  }

  Status read_event(const Json& value, size_t index, const OffsetMap& offsets, Document& document) {
    const std::string place = "events[" + std::to_string(index) + "]";
    if (!value.is_object()) return fail(place, "is not an object");
    RELATA_CHECK(check_members(value, place, {"id", "type", "trigger", "arguments"}));
    Event event;
    RELATA_CHECK(get_string(value, place, "id", true, event.id));
    RELATA_CHECK(get_string(value, place, "type", false, event.type));
    RELATA_CHECK(get_range(value, place, "trigger", offsets, event.trigger));
    RELATA_TRY(const Json* arguments, get_array(value, place, "arguments"));
    for (size_t i = 0; arguments && i < arguments->size(); ++i) {
      const std::string item = place + ".arguments[" + std::to_string(i) + "]";
      RELATA_CHECK(read_argument((*arguments)[i], item, offsets, event));
    }
    if (!event_ids_.insert(event.id).second) {
      return fail(place + ".id", "\"" + event.id + "\" is not unique in the document");
    }
    document.events.push_back(std::move(event));
    return {};
  }

  Status read_argument(const Json& value, const std::string& place, const OffsetMap& offsets,
                       Event& event) const {
    if (!value.is_object()) return fail(place, "is not an object");
    RELATA_CHECK(check_members(value, place, {"role", "range", "entity"}));
    Argument argument;
    RELATA_CHECK(get_string(value, place, "role", true, argument.role));
    RELATA_CHECK(get_range(value, place, "range", offsets, argument.range));
    if (value.contains("entity") && !value.at("entity").is_null()) {
      RELATA_CHECK(get_entity(value, place, "entity", argument.entity));
    }
    if (is_empty(argument.range) && argument.entity < 0) {
      return fail(place, "has neither \"range\" nor \"entity\"");
    }
    event.arguments.push_back(std::move(argument));
    return {};
  }

  Status read_meta(Document& document) const {
    const auto meta = value_.find("meta");
    if (meta == value_.end() || meta->is_null()) return {};
    if (!meta->is_object()) return fail("meta", "is not an object");
    document.meta = *meta;
    const auto pairs = meta->find("pairs");
    if (pairs == meta->end() || (pairs->is_array() && pairs->empty())) return {};
    if (meta_pairs(document).empty()) {
      return fail("meta.pairs",
                  "is not a list of [head, tail] with ids of the document's entities");
    }
    return {};
  }

  const Json& value_;
  const std::string& where_;
  std::unordered_map<std::string, int> entity_index_;
  std::unordered_set<std::string> event_ids_;
};

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

}  // namespace

std::string to_json_line(const Document& document) {
  const OffsetMap offsets(document.text);
  Json entities = Json::array();
  for (const Entity& entity : document.entities) {
    entities.push_back(entity_to_json(entity, offsets));
  }
  Json relations = Json::array();
  for (const Relation& relation : document.relations) {
    Json& item = relations.emplace_back(Json{{"head", document.entities.at(relation.head).id},
                                             {"tail", document.entities.at(relation.tail).id},
                                             {"type", relation.type}});
    if (relation.score) item["score"] = *relation.score;
    if (!relation.evidence.empty()) item["evidence"] = ranges_to_json(relation.evidence, offsets);
  }
  Json record = {{"id", document.id}, {"text", document.text}};
  if (!document.sentences.empty()) {
    record["sentences"] = ranges_to_json(document.sentences, offsets);
  }
  record["entities"] = std::move(entities);
  record["relations"] = std::move(relations);
  for (const Event& event : document.events) {
    record["events"].push_back(event_to_json(event, document, offsets));
  }
  if (!document.meta.is_null()) record["meta"] = document.meta;
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Document> document_from_json(const Json& value, const std::string& where) {
  return DocumentReader(value, where).read();
}

void sort_mentions(Entity& entity) {
  std::vector<size_t> order(entity.mentions.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return comes_before(entity.mentions[a], entity.mentions[b]);
  });
  Entity sorted;
  for (const size_t i : order) {
    sorted.mentions.push_back(entity.mentions[i]);
    if (!entity.names.empty()) sorted.names.push_back(std::move(entity.names.at(i)));
  }
  entity.mentions = std::move(sorted.mentions);
  entity.names = std::move(sorted.names);
}

std::vector<ByteRange> find_occurrences(const std::string& text, const std::string& needle) {
  std::vector<ByteRange> found;
  if (needle.empty()) return found;
  for (size_t at = text.find(needle); at != std::string::npos;
       at = text.find(needle, at + needle.size())) {
    found.push_back({at, at + needle.size()});
  }
  return found;
}

std::vector<ByteRange> find_mentions(const std::string& text, const std::string& name) {
  std::vector<ByteRange> all = find_occurrences(text, name);
  std::vector<ByteRange> whole;
  for (const ByteRange& range : all) {
    const bool cut_before =
        range.begin > 0 && is_word_byte(text[range.begin]) && is_word_byte(text[range.begin - 1]);
    const bool cut_after = range.end < text.size() && is_word_byte(text[range.end - 1]) &&
                           is_word_byte(text[range.end]);
    if (!cut_before && !cut_after) whole.push_back(range);
  }
  return whole.empty() ? all : whole;
}

std::vector<ByteRange> places_of(const Document& document, const Entity& entity) {
  return entity.mentions.empty() ? find_mentions(document.text, entity.text) : entity.mentions;
}

std::vector<std::string> surface_names(const Document& document, const Entity& entity) {
  std::vector<std::string> names;
  for (size_t m = 0; m < entity.mentions.size(); ++m) {
    const ByteRange& range = entity.mentions[m];
    std::string name = document.text.substr(range.begin, range.end - range.begin);
    if (m < entity.names.size() && document.text.find(entity.names[m]) != std::string::npos) {
      name = entity.names[m];
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (names.empty()) names.push_back(entity.text);
  return names;
}

}  // namespace relata::data
