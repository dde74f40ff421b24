// CoNLL04 and other joint data in the JSON of the SpERT family: a list of
//   {"tokens": [...], "entities": [{"type", "start", "end"}], "relations": [{"type", "head",
//    "tail"}], "orig_id"}
// where entities are token ranges [start, end), or "tags" in their place: BIO, BIOES or BILOU, one
// a token. Heads and tails are the entities' numbers, with tags in the order in which they begin.
// Source: github.com/lavis-nlp/spert; github.com/YoumiMa/TablERT-CNN for the tags.
#include "building.h"
#include "formats/token_text.h"

namespace relata::data {
namespace {

// Entities become relations' ends by their number, so equal ones stay apart.
int add_entity(DocumentBuilder& builder, ByteRange range, std::string_view type) {
  Entity& entity = builder.document.entities.emplace_back();
  entity.id = "e" + std::to_string(builder.document.entities.size() - 1);
  entity.type = type;
  entity.mentions.push_back(range);
  return static_cast<int>(builder.document.entities.size() - 1);
}

Status read_spans(const JsonRecord& record, JsonView spans, const TokenText& text,
                  DocumentBuilder& builder) {
  for (const JsonView span : spans) {
    RELATA_TRY(const std::string_view type, record.get_text(span, "type"));
    RELATA_TRY(const size_t begin, record.get_index(span, "start", text.size()));
    RELATA_TRY(const size_t end, record.get_index(span, "end", text.size() + 1));
    const auto range = text.range(begin, end);
    if (!range) return record.fail(span, "is no range of tokens");
    add_entity(builder, *range, type);
  }
  return {};
}

Status read_tags(const JsonRecord& record, JsonView tags, const TokenText& text,
                 DocumentBuilder& builder) {
  RELATA_CHECK(record.check_list(tags, text.size()));
  size_t begin = 0;
  std::string open;  // type of the entity that is open
  size_t at = 0;
  const auto close = [&] {
    if (open.empty()) return;
    if (const auto range = text.range(begin, at)) add_entity(builder, *range, open);
    open.clear();
  };
  for (const JsonView tag : tags) {
    RELATA_TRY(const std::string_view name, record.as_text(tag));
    const char mark = name.empty() ? 'O' : name[0];
    if (mark == 'O') {
      close();
    } else {
      if (std::string_view("BILSEU").find(mark) == std::string_view::npos || name.size() < 3 ||
          (name[1] != '-' && name[1] != '_')) {
        return record.fail(tag, "is no BIO, BIOES or BILOU tag");
      }
      const std::string_view type = name.substr(2);
      if (mark == 'B' || mark == 'U' || mark == 'S' || type != open) {
        close();
        begin = at;
        open = type;
      }
      if (mark == 'L' || mark == 'E' || mark == 'U' || mark == 'S') {
        ++at;
        close();
        --at;
      }
    }
    ++at;
  }
  close();
  return {};
}

Status read_relations(const JsonRecord& record, JsonView relations, DocumentBuilder& builder) {
  const size_t entities = builder.document.entities.size();
  for (const JsonView relation : relations) {
    RELATA_TRY(const std::string_view type, record.get_text(relation, "type"));
    RELATA_TRY(const size_t head, record.get_index(relation, "head", entities));
    RELATA_TRY(const size_t tail, record.get_index(relation, "tail", entities));
    builder.relate(static_cast<int>(head), static_cast<int>(tail), type);
  }
  return {};
}

bool sniff_conll04(const Sample& sample) {
  return sample.has({"tokens", "relations"}) && (sample.has({"tags"}) || sample.has({"entities"}));
}

Status read_conll04(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return read_spert_record(record, source, intake);
  });
}

}  // namespace

Status read_spert_record(const JsonRecord& record, const Source& source, Intake& intake) {
  const JsonView root = record.root();
  DocumentBuilder builder;
  RELATA_TRY(builder.document.id, record_id(record, source, {"orig_id", "id"}));
  RELATA_TRY(const JsonView tokens, record.get_list(root, "tokens"));
  TokenText text(are_tight(tokens));
  RELATA_CHECK(read_tokens(record, tokens, text));
  RELATA_TRY(const JsonView tags, record.find_list(root, "tags"));
  if (tags) {
    RELATA_CHECK(read_tags(record, tags, text, builder));
  } else {
    RELATA_TRY(const JsonView spans, record.get_list(root, "entities"));
    RELATA_CHECK(read_spans(record, spans, text, builder));
  }
  for (Entity& entity : builder.document.entities) {
    const ByteRange& range = entity.mentions.front();
    entity.text = text.text().substr(range.begin, range.end - range.begin);
  }
  RELATA_TRY(const JsonView relations, record.find_list(root, "relations"));
  if (relations) RELATA_CHECK(read_relations(record, relations, builder));
  text.hand_over(builder.document);
  return intake.add(std::move(builder.document), record.where());
}

FormatEntry conll04_format() {
  FormatEntry entry;
  entry.info = {"conll04", "SpERT's JSON: tokens, entities or tags, relations between them"};
  entry.sniff = sniff_conll04;
  entry.read = read_conll04;
  return entry;
}

}  // namespace relata::data
