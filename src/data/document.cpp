#include "relata/data/document.h"

#include <algorithm>
#include <unordered_map>

#include "pair_rows.h"

namespace relata::data {
namespace {

using text::OffsetMap;

Json ranges_to_json(const std::vector<ByteRange>& ranges, const OffsetMap& offsets) {
  Json list = Json::array();
  for (const ByteRange& range : ranges) {
    list.push_back({offsets.to_code_point(range.begin), offsets.to_code_point(range.end)});
  }
  return list;
}

// Reads one document; every method's error names the place inside the record.
class DocumentReader {
 public:
  DocumentReader(const Json& value, const std::string& where) : value_(value), where_(where) {}

  Result<Document> read() {
    if (!value_.is_object()) return fail("", "is not an object");
    Document document;
    RELATA_CHECK(get_string(value_, "", "text", true, document.text));
    RELATA_CHECK(get_string(value_, "", "id", false, document.id));
    if (const auto bad = text::find_invalid_utf8(document.text)) {
      return fail("text", "has invalid UTF-8 at byte " + std::to_string(*bad + 1));
    }
    const OffsetMap offsets(document.text);
    RELATA_TRY(const Json* entities, get_array(value_, "", "entities"));
    for (size_t i = 0; entities && i < entities->size(); ++i) {
      RELATA_CHECK(read_entity((*entities)[i], i, offsets, document));
    }
    RELATA_TRY(const Json* relations, get_array(value_, "", "relations"));
    for (size_t i = 0; relations && i < relations->size(); ++i) {
      RELATA_CHECK(read_relation((*relations)[i], i, offsets, document));
    }
    RELATA_CHECK(read_meta(document));
    return document;
  }

 private:
  Error fail(const std::string& place, const std::string& problem) const {
    return input_error(where_ + ": " + (place.empty() ? "the record" : place) + " " + problem,
                       "see the result record in the manual: {\"id\", \"text\", \"entities\", "
                       "\"relations\"}, offsets in code points");
  }
  static std::string join(const std::string& place, const std::string& key) {
    return place.empty() ? key : place + "." + key;
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

  Status get_ranges(const Json& object, const std::string& place, const char* key,
                    const OffsetMap& offsets, std::vector<ByteRange>& out) const {
    RELATA_TRY(const Json* list, get_array(object, place, key));
    for (size_t i = 0; list && i < list->size(); ++i) {
      const Json& range = (*list)[i];
      const std::string item = join(place, key) + "[" + std::to_string(i) + "]";
      if (!range.is_array() || range.size() != 2) return fail(item, "is not [begin, end]");
      const auto begin = offset(range[0]);
      const auto end = offset(range[1]);
      if (!begin || !end || *begin >= *end || *end > offsets.code_points()) {
        return fail(item, "is " + range.dump(-1, ' ', false, Json::error_handler_t::replace) +
                              ", not a range inside the text's " +
                              std::to_string(offsets.code_points()) + " code points");
      }
      out.push_back({offsets.to_byte(*begin), offsets.to_byte(*end)});
    }
    return {};
  }

  Status read_entity(const Json& value, size_t index, const OffsetMap& offsets,
                     Document& document) {
    const std::string place = "entities[" + std::to_string(index) + "]";
    if (!value.is_object()) return fail(place, "is not an object");
    Entity entity;
    RELATA_CHECK(get_string(value, place, "id", true, entity.id));
    RELATA_CHECK(get_string(value, place, "type", false, entity.type));
    RELATA_CHECK(get_string(value, place, "text", false, entity.text));
    RELATA_CHECK(get_ranges(value, place, "mentions", offsets, entity.mentions));
    std::sort(entity.mentions.begin(), entity.mentions.end(),
              [](const ByteRange& a, const ByteRange& b) {
                return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
              });
    if (entity.text.empty()) {
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
};

}  // namespace

std::string to_json_line(const Document& document) {
  const OffsetMap offsets(document.text);
  Json entities = Json::array();
  for (const Entity& entity : document.entities) {
    entities.push_back({{"id", entity.id},
                        {"text", entity.text},
                        {"type", entity.type},
                        {"mentions", ranges_to_json(entity.mentions, offsets)}});
  }
  Json relations = Json::array();
  for (const Relation& relation : document.relations) {
    Json& item = relations.emplace_back(Json{{"head", document.entities.at(relation.head).id},
                                             {"tail", document.entities.at(relation.tail).id},
                                             {"type", relation.type}});
    if (relation.score) item["score"] = *relation.score;
    if (!relation.evidence.empty()) item["evidence"] = ranges_to_json(relation.evidence, offsets);
  }
  Json record = {{"id", document.id},
                 {"text", document.text},
                 {"entities", std::move(entities)},
                 {"relations", std::move(relations)}};
  if (!document.meta.is_null()) record["meta"] = document.meta;
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Document> document_from_json(const Json& value, const std::string& where) {
  return DocumentReader(value, where).read();
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

}  // namespace relata::data
