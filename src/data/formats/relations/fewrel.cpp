// FewRel: {"P177": [{"tokens": [...], "h": [name, id, [[token, ...], ...]], "t": ...}, ...], ...};
// without labels a list of such items.
#include <algorithm>

#include "formats/token_text.h"

namespace relata::data {
namespace {

constexpr const char* kHint =
    "an item is {\"tokens\": [...], \"h\": [name, id, [[token, ...]]], \"t\": [...]}";

Result<ByteRange> mention_range(const JsonRecord& record, JsonView mention, const TokenText& text) {
  const auto error = [&] {
    return record.fail(mention, "is not a list of neighbouring tokens of the sentence", kHint);
  };
  if (!mention.is_array() || mention.size() == 0) return error();
  const auto first = mention.at(0).integer();
  if (!first || *first < 0) return error();
  int64_t next = *first;
  for (const JsonView index : mention) {
    if (index.integer() != next++) return error();
  }
  const auto range = text.range(static_cast<size_t>(*first), static_cast<size_t>(next));
  if (!range) return error();
  return *range;
}

// Appends the entity under "h" or "t", and its id to `ids`.
Status read_entity(const JsonRecord& record, JsonView item, const char* key, const TokenText& text,
                   Document& document, Json& ids) {
  RELATA_TRY(const JsonView value, record.get_list(item, key));
  RELATA_CHECK(record.check_list(value, 3));
  RELATA_TRY(const std::string_view id, record.as_text(value.at(1)));
  const JsonView mentions = value.at(2);
  if (!mentions.is_array() || mentions.size() == 0) {
    return record.fail(mentions, "is not a list of mentions", kHint);
  }
  Entity entity;
  entity.id = "e" + std::to_string(document.entities.size());
  for (const JsonView mention : mentions) {
    RELATA_TRY(const ByteRange range, mention_range(record, mention, text));
    entity.mentions.push_back(range);
  }
  std::sort(entity.mentions.begin(), entity.mentions.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  const ByteRange& first = entity.mentions.front();
  entity.text = text.text().substr(first.begin, first.end - first.begin);
  ids[entity.id] = id;
  document.entities.push_back(std::move(entity));
  return {};
}

Result<Document> read_item(const JsonRecord& record, JsonView item, std::string_view type) {
  RELATA_TRY(const JsonView tokens, record.get_list(item, "tokens"));
  TokenText text(are_tight(tokens));
  RELATA_CHECK(read_tokens(record, tokens, text));
  Document document;
  Json ids = Json::object();
  RELATA_CHECK(read_entity(record, item, "h", text, document, ids));
  RELATA_CHECK(read_entity(record, item, "t", text, document, ids));
  text.hand_over(document);
  document.meta["entity_ids"] = std::move(ids);
  if (type.empty()) {
    document.meta["pairs"] = Json::array({Json::array({"e0", "e1"})});
  } else {
    Relation relation;
    relation.head = 0;
    relation.tail = 1;
    relation.type = type;
    document.relations.push_back(std::move(relation));
  }
  return document;
}

bool sniff_fewrel(const Sample& sample) {
  if (!sample.holds_objects) return false;
  if (sample.is_list) return sample.has({"tokens", "h", "t"}) && !sample.has({"relation"});
  // The first member is a list of objects, and the record is not of another format.
  if (sample.keys.empty() || sample.keys[0] == "entities" || sample.keys[0] == "relations") {
    return false;
  }
  std::string marks;
  const size_t key = sample.head.find('"');
  size_t at = sample.head.find('"', key + 1);
  for (++at; marks.size() < 3 && at < sample.head.size(); ++at) {
    if (!is_blank(sample.head.substr(at, 1)) && sample.head[at] != '\n') {
      marks.push_back(sample.head[at]);
    }
  }
  return (marks == ":[{" && sample.holds("\"tokens\"")) || marks == ":[]";
}

Status read_labelled(const JsonRecord& record, Intake& intake) {
  Status status;
  record.root().each_member([&](std::string_view type, JsonView items) {
    if (!status.ok()) return;
    if (type.empty() || !items.is_array()) {
      status = record.fail(items, "is not a list of items", "FewRel is {\"P177\": [items], ...}");
      return;
    }
    size_t index = 0;
    for (const JsonView item : items) {
      const std::string number = std::to_string(index++);
      auto document = read_item(record, item, type);
      if (document.ok()) {
        document->id = std::string(type) + "-" + number;
        status = intake.add(std::move(document).value(), record.where());
      } else {
        status = intake.reject(document.error());
      }
      if (!status.ok()) return;
    }
  });
  return status;
}

Status read_fewrel(const Source& source, const ReadOptions&, Intake& intake) {
  if (source.content.find_first_not_of(" \t\r\n") == source.content.find('[')) {
    return read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
      RELATA_TRY(Document document, read_item(record, record.root(), ""));
      document.id = source.stem() + "-" + std::to_string(record.number());
      return intake.add(std::move(document), record.where());
    });
  }
  return read_json_value(source, [&](const JsonRecord& record) -> Status {
    if (!record.root().is_object()) {
      return record.fail(record.root(), "is not an object", "FewRel is {\"P177\": [items], ...}");
    }
    return read_labelled(record, intake);
  });
}

}  // namespace

FormatEntry fewrel_format() {
  FormatEntry entry;
  entry.info = {"fewrel", "FewRel's JSON: relation type to tokenized sentences"};
  entry.sniff = sniff_fewrel;
  entry.read = read_fewrel;
  return entry;
}

}  // namespace relata::data
