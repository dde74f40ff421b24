// Sentences with triples of names, as joint extraction has NYT and WebNLG:
//   {"text": ..., "triple_list": [[head, relation, tail], ...]}                        (CasRel)
//   {"text": ..., "relation_list": [{"subject", "predicate", "object"}, ...]}          (TPLinker)
//   {"sentText": ..., "relationMentions": [{"em1Text", "em2Text", "label"}, ...],
//    "entityMentions": [{"text", "label"}, ...]}                                       (CoType)
// CasRel and CoType state no offsets, TPLinker may, in "subj_char_span" and "obj_char_span" and in
// "entity_list", [{"text", "type", "char_span"}]; types may also stand beside the names
// (triples.h). What is stated counts; an entity without a stated place is mentioned wherever its
// name stands as whole words, and nowhere if the sentence does not have it (it happens).
#include "registry.h"
#include "relata/base/trim.h"
#include "triples.h"

namespace relata::data {
namespace {

Status read_record(const JsonRecord& record, const Source& source, Intake& intake) {
  const JsonView root = record.root();
  DocumentBuilder builder;
  RELATA_TRY(builder.document.id, record_id(record, source, {"id", "sentId"}));
  const bool cotype = static_cast<bool>(root.find("sentText"));
  RELATA_TRY(const std::string_view text, record.get_text(root, cotype ? "sentText" : "text"));
  // CoType's lines are quoted and end in a line break.
  builder.document.text = cotype ? relata::trimmed(text) : text;
  TripleReader reader(record, builder, intake);
  for (const auto& [key, type] :
       {std::pair("entityMentions", "label"), std::pair("entity_list", "type")}) {
    RELATA_TRY(const JsonView entities, record.find_list(root, key));
    RELATA_CHECK(reader.read_entities(entities, type));
  }
  RELATA_TRY(const JsonView triples, record.find_list(root, "triple_list"));
  RELATA_TRY(const JsonView relations, record.find_list(root, "relation_list"));
  RELATA_TRY(const JsonView mentions, record.find_list(root, "relationMentions"));
  if (triples) {
    for (const JsonView triple : triples) {
      RELATA_CHECK(record.check_list(triple, 3));
      RELATA_CHECK(reader.add({triple.at(0), {}, {}}, triple.at(1), {triple.at(2), {}, {}}));
    }
  } else if (relations) {
    for (const JsonView item : relations) RELATA_CHECK(reader.read_item(item));
  } else if (mentions) {
    for (const JsonView item : mentions) {
      RELATA_TRY(const JsonView head, record.get(item, "em1Text"));
      RELATA_TRY(const JsonView label, record.get(item, "label"));
      RELATA_TRY(const JsonView tail, record.get(item, "em2Text"));
      RELATA_CHECK(reader.add({head, {}, {}}, label, {tail, {}, {}}));
    }
  } else {
    return record.fail(root, "has no \"triple_list\"",
                       "a record is {\"text\": ..., \"triple_list\": [[head, relation, tail]]}");
  }
  for (size_t i = reader.left_out(); i > 0; --i) {
    intake.count("entities without a place that are in no triple");
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
