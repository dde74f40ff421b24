// Sentences with triples of names, as joint extraction has NYT and WebNLG:
//   {"text": ..., "triple_list": [[head, relation, tail], ...]}                        (CasRel)
//   {"text": ..., "relation_list": [{"subject", "predicate", "object"}, ...]}          (TPLinker)
//   {"sentText": ..., "relationMentions": [{"em1Text", "em2Text", "label"}, ...],
//    "entityMentions": [{"text", "label"}, ...]}                                       (CoType)
// There are no offsets: an entity is mentioned wherever its name stands as whole words, and nowhere
// if the sentence does not have it (it happens).
#include <unordered_map>

#include "building.h"
#include "registry.h"

namespace relata::data {
namespace {

// An entity's type by name; the first one stated.
using Types = std::unordered_map<std::string_view, std::string_view>;

Status add_triple(const JsonRecord& record, JsonView head, JsonView relation, JsonView tail,
                  const Types& types, DocumentBuilder& builder) {
  int ends[2] = {0, 0};
  const JsonView fields[2] = {head, tail};
  for (int i = 0; i < 2; ++i) {
    RELATA_TRY(const std::string_view name, record.as_text(fields[i]));
    if (name.empty()) return record.fail(fields[i], "is empty");
    const auto type = types.find(name);
    ends[i] = builder.named(name, type == types.end() ? "" : type->second);
  }
  RELATA_TRY(const std::string_view type, record.as_text(relation));
  if (type.empty()) return record.fail(relation, "is empty");
  builder.relate(ends[0], ends[1], type);
  return {};
}

Status add_members(const JsonRecord& record, JsonView list, const char* head, const char* relation,
                   const char* tail, const Types& types, DocumentBuilder& builder) {
  for (const JsonView item : list) {
    RELATA_TRY(const JsonView head_view, record.get(item, head));
    RELATA_TRY(const JsonView relation_view, record.get(item, relation));
    RELATA_TRY(const JsonView tail_view, record.get(item, tail));
    RELATA_CHECK(add_triple(record, head_view, relation_view, tail_view, types, builder));
  }
  return {};
}

Result<Types> read_types(const JsonRecord& record) {
  Types types;
  RELATA_TRY(const JsonView list, record.find_list(record.root(), "entityMentions"));
  if (!list) return types;
  for (const JsonView item : list) {
    RELATA_TRY(const std::string_view name, record.get_text(item, "text"));
    RELATA_TRY(const std::string_view type, record.find_text(item, "label"));
    types.try_emplace(name, type);
  }
  return types;
}

Status read_record(const JsonRecord& record, const Source& source, Intake& intake) {
  const JsonView root = record.root();
  DocumentBuilder builder;
  RELATA_TRY(builder.document.id, record_id(record, source, {"id", "sentId"}));
  const bool cotype = static_cast<bool>(root.find("sentText"));
  RELATA_TRY(const std::string_view text, record.get_text(root, cotype ? "sentText" : "text"));
  // CoType's lines are quoted and end in a line break.
  builder.document.text = cotype ? trimmed_text(text) : text;
  RELATA_TRY(const Types types, read_types(record));
  RELATA_TRY(const JsonView triples, record.find_list(root, "triple_list"));
  RELATA_TRY(const JsonView relations, record.find_list(root, "relation_list"));
  RELATA_TRY(const JsonView mentions, record.find_list(root, "relationMentions"));
  if (triples) {
    for (const JsonView triple : triples) {
      RELATA_CHECK(record.check_list(triple, 3));
      RELATA_CHECK(add_triple(record, triple.at(0), triple.at(1), triple.at(2), types, builder));
    }
  } else if (relations) {
    RELATA_CHECK(add_members(record, relations, "subject", "predicate", "object", types, builder));
  } else if (mentions) {
    RELATA_CHECK(add_members(record, mentions, "em1Text", "label", "em2Text", types, builder));
  } else {
    return record.fail(root, "has no \"triple_list\"",
                       "a record is {\"text\": ..., \"triple_list\": [[head, relation, tail]]}");
  }
  return intake.add(std::move(builder.document), record.where());
}

bool sniff_nyt(const Sample& sample) {
  return sample.has({"text", "triple_list"}) || sample.has({"text", "relation_list"}) ||
         sample.has({"sentText", "relationMentions"});
}

Status read_nyt(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return read_record(record, source, intake);
  });
}

}  // namespace

FormatEntry nyt_format() {
  FormatEntry entry;
  entry.info = {"nyt", "NYT and WebNLG: sentences with triples of names"};
  entry.sniff = sniff_nyt;
  entry.read = read_nyt;
  return entry;
}

}  // namespace relata::data
