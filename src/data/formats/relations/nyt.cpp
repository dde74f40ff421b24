// Sentences with triples of names, as joint extraction has NYT and WebNLG:
//   {"text": ..., "triple_list": [[head, relation, tail], ...]}                        (CasRel)
//   {"text": ..., "relation_list": [{"subject", "predicate", "object"}, ...]}          (TPLinker)
//   {"sentText": ..., "relationMentions": [{"em1Text", "em2Text", "label"}, ...],
//    "entityMentions": [{"text", "label"}, ...]}                                       (CoType)
// CasRel and CoType state no offsets, TPLinker may, in "subj_char_span" and "obj_char_span" and in
// "entity_list", [{"text", "type", "char_span"}]. What is stated counts; an entity without a stated
// place is mentioned wherever its name stands as whole words, and nowhere if the sentence does not
// have it (it happens).
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "building.h"
#include "registry.h"
#include "relata/base/trim.h"

namespace relata::data {
namespace {

class NytReader {
 public:
  NytReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status read() {
    const JsonView root = record_.root();
    RELATA_TRY(builder_.document.id, record_id(record_, source_, {"id", "sentId"}));
    const bool cotype = static_cast<bool>(root.find("sentText"));
    RELATA_TRY(const std::string_view text, record_.get_text(root, cotype ? "sentText" : "text"));
    // CoType's lines are quoted and end in a line break.
    builder_.document.text = cotype ? relata::trimmed(text) : text;
    const text::OffsetMap offsets(builder_.document.text);
    offsets_ = &offsets;
    for (const auto& [list, type] :
         {std::pair("entityMentions", "label"), std::pair("entity_list", "type")}) {
      RELATA_CHECK(read_entities(list, type));
    }
    RELATA_TRY(const JsonView triples, record_.find_list(root, "triple_list"));
    RELATA_TRY(const JsonView relations, record_.find_list(root, "relation_list"));
    RELATA_TRY(const JsonView mentions, record_.find_list(root, "relationMentions"));
    if (triples) {
      for (const JsonView triple : triples) {
        RELATA_CHECK(record_.check_list(triple, 3));
        RELATA_CHECK(add_triple({triple.at(0), {}}, triple.at(1), {triple.at(2), {}}));
      }
    } else if (relations) {
      RELATA_CHECK(add_members(relations, "subject", "predicate", "object"));
    } else if (mentions) {
      RELATA_CHECK(add_members(mentions, "em1Text", "label", "em2Text"));
    } else {
      return record_.fail(root, "has no \"triple_list\"",
                          "a record is {\"text\": ..., \"triple_list\": [[head, relation, tail]]}");
    }
    count_left_out();
    return intake_.add(std::move(builder_.document), record_.where());
  }

 private:
  struct Name {
    JsonView text;
    JsonView span;  // absent where none is stated
  };
  using Place = std::pair<size_t, size_t>;

  // Names whose places nobody states are read as ends of triples only.
  void count_left_out() {
    std::unordered_set<std::string_view> found;
    for (const Entity& entity : builder_.document.entities) found.insert(entity.text);
    for (const auto& [name, type] : types_) {
      if (!found.contains(name)) intake_.count("entities without a place that are in no triple");
    }
  }

  // Entities with a place are added; the others only tell types.
  Status read_entities(const char* list_name, const char* type_name) {
    RELATA_TRY(const JsonView list, record_.find_list(record_.root(), list_name));
    if (!list) return {};
    for (const JsonView item : list) {
      RELATA_TRY(const std::string_view name, record_.get_text(item, "text"));
      RELATA_TRY(const std::string_view type, record_.find_text(item, type_name));
      types_.try_emplace(name, type);
      RELATA_TRY(const JsonView span, record_.find_list(item, "char_span"));
      if (!span) continue;
      RELATA_TRY(const ByteRange range, read_span(span, name));
      types_by_place_.try_emplace({range.begin, range.end}, type);
      builder_.named_at(name, type, range);
    }
    return {};
  }

  Result<ByteRange> read_span(JsonView span, std::string_view name) {
    RELATA_CHECK(record_.check_list(span, 2));
    const auto begin = span.at(0).integer();
    const auto end = span.at(1).integer();
    if (!begin || !end) return record_.fail(span, "is not [begin, end]");
    return read_code_points(record_, span, *begin, *end, name, builder_.document.text, *offsets_,
                            intake_);
  }

  Result<int> add_entity(const Name& end) {
    RELATA_TRY(const std::string_view name, record_.as_text(end.text));
    if (name.empty()) return record_.fail(end.text, "is empty");
    const auto known = types_.find(name);
    std::string_view type = known == types_.end() ? "" : known->second;
    if (!end.span) return builder_.named(name, type);
    RELATA_TRY(const ByteRange range, read_span(end.span, name));
    const auto stated = types_by_place_.find({range.begin, range.end});
    if (stated != types_by_place_.end()) type = stated->second;
    return builder_.named_at(name, type, range);
  }

  Status add_triple(const Name& head, JsonView relation, const Name& tail) {
    RELATA_TRY(const int from, add_entity(head));
    RELATA_TRY(const int to, add_entity(tail));
    RELATA_TRY(const std::string_view type, record_.as_text(relation));
    if (type.empty()) return record_.fail(relation, "is empty");
    builder_.relate(from, to, type);
    return {};
  }

  Status add_members(JsonView list, const char* head, const char* relation, const char* tail) {
    for (const JsonView item : list) {
      RELATA_TRY(const JsonView head_view, record_.get(item, head));
      RELATA_TRY(const JsonView relation_view, record_.get(item, relation));
      RELATA_TRY(const JsonView tail_view, record_.get(item, tail));
      RELATA_TRY(const JsonView head_span, record_.find_list(item, "subj_char_span"));
      RELATA_TRY(const JsonView tail_span, record_.find_list(item, "obj_char_span"));
      RELATA_CHECK(add_triple({head_view, head_span}, relation_view, {tail_view, tail_span}));
    }
    return {};
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  DocumentBuilder builder_;
  const text::OffsetMap* offsets_ = nullptr;
  std::unordered_map<std::string_view, std::string_view> types_;  // by name; the first one stated
  std::map<Place, std::string_view> types_by_place_;
};

bool sniff_nyt(const Sample& sample) {
  return sample.has({"text", "triple_list"}) || sample.has({"text", "relation_list"}) ||
         sample.has({"sentText", "relationMentions"});
}

Status read_nyt(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return NytReader(record, source, intake).read();
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
