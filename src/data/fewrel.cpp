// FewRel: {"P177": [{"tokens": [...], "h": [name, id, [[token, ...], ...]], "t": ...}, ...], ...}.
#include <algorithm>
#include <limits>

#include "readers.h"

namespace relata::data {
namespace {

constexpr const char* kHint =
    "an item is {\"tokens\": [...], \"h\": [name, id, [[token, ...]]], \"t\": [...]}";

struct Tokens {
  std::string text;  // joined with single spaces
  std::vector<ByteRange> ranges;
};

Result<Tokens> join_tokens(const Json& item, const std::string& where) {
  if (!item.is_object() || !item.contains("tokens") || !item.at("tokens").is_array() ||
      item.at("tokens").empty()) {
    return input_error(where + ": the item has no list \"tokens\"", kHint);
  }
  Tokens tokens;
  for (const Json& token : item.at("tokens")) {
    if (!token.is_string()) return input_error(where + ": a token is not a string", kHint);
    if (!tokens.ranges.empty()) tokens.text.push_back(' ');
    const size_t begin = tokens.text.size();
    tokens.text += token.get_ref<const std::string&>();
    tokens.ranges.push_back({begin, tokens.text.size()});
  }
  return tokens;
}

Result<ByteRange> mention_range(const Json& mention, const Tokens& tokens,
                                const std::string& where) {
  const Error error = input_error(where +
                                      " has a mention that is not a list of neighbouring "
                                      "tokens of the sentence",
                                  kHint);
  if (!mention.is_array() || mention.empty()) return error;
  size_t last = std::numeric_limits<size_t>::max();
  for (const Json& index : mention) {
    if (!index.is_number_unsigned() || index.get<uint64_t>() >= tokens.ranges.size()) return error;
    const size_t token = index.get<size_t>();
    if (&index != &mention.front() && token != last + 1) return error;
    last = token;
  }
  const ByteRange range{tokens.ranges[mention.front().get<size_t>()].begin,
                        tokens.ranges[last].end};
  if (range.begin == range.end) return error;
  return range;
}

// Appends the entity under "h" or "t", and its id to `ids`.
Status read_entity(const Json& item, const char* key, const Tokens& tokens,
                   const std::string& where, Document& document, Json& ids) {
  const std::string place = where + ": \"" + key + "\"";
  if (!item.contains(key) || !item.at(key).is_array() || item.at(key).size() != 3 ||
      !item.at(key)[1].is_string() || !item.at(key)[2].is_array() || item.at(key)[2].empty()) {
    return input_error(place + " is not [name, id, mentions]", kHint);
  }
  const Json& value = item.at(key);
  Entity entity;
  entity.id = "e" + std::to_string(document.entities.size());
  for (const Json& mention : value[2]) {
    RELATA_TRY(const ByteRange range, mention_range(mention, tokens, place));
    entity.mentions.push_back(range);
  }
  std::sort(entity.mentions.begin(), entity.mentions.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  const ByteRange& first = entity.mentions.front();
  entity.text = tokens.text.substr(first.begin, first.end - first.begin);
  ids[entity.id] = value[1];
  document.entities.push_back(std::move(entity));
  return {};
}

Result<Document> read_item(const Json& item, const std::string& type, const std::string& id,
                           const std::string& where) {
  RELATA_TRY(Tokens tokens, join_tokens(item, where));
  Document document;
  document.id = id;
  Json ids = Json::object();
  RELATA_CHECK(read_entity(item, "h", tokens, where, document, ids));
  RELATA_CHECK(read_entity(item, "t", tokens, where, document, ids));
  document.text = std::move(tokens.text);
  Relation relation;
  relation.head = 0;
  relation.tail = 1;
  relation.type = type;
  document.relations.push_back(std::move(relation));
  document.meta["entity_ids"] = std::move(ids);
  return document;
}

}  // namespace

Status read_fewrel(const Source& source, BadRecords& bad, Dataset& dataset) {
  RELATA_CHECK(check_utf8(source.content, source));
  RELATA_TRY(const Json value, parse_json(source.content, source.path));
  const std::string shape_hint = "FewRel is {\"P177\": [items], ...}";
  if (!value.is_object()) return input_error(source.path + ": not an object", shape_hint);
  size_t count = 0;
  for (const auto& [type, items] : value.items()) {
    if (type.empty() || !items.is_array()) {
      return input_error(source.path + ": \"" + type + "\" is not a list of items", shape_hint);
    }
    count += items.size();
  }
  const auto lines = value_lines(source.content, 2);
  // Otherwise a key occurs twice, and only one of its lists is in `value`.
  const bool has_lines = lines.size() == count;
  size_t k = 0;
  for (const auto& [type, items] : value.items()) {
    for (size_t i = 0; i < items.size(); ++i, ++k) {
      const std::string where = (has_lines ? source.at(lines[k]) : source.path) + ": " + type +
                                "[" + std::to_string(i) + "]";
      auto document = read_item(items[i], type, type + "-" + std::to_string(i), where);
      if (document.ok()) {
        dataset.documents.push_back(std::move(document).value());
      } else {
        RELATA_CHECK(bad.add(document.error()));
      }
    }
  }
  return {};
}

}  // namespace relata::data
