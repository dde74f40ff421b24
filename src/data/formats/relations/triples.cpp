#include "triples.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

namespace relata::data {
namespace {

constexpr std::array<std::string_view, 9> kMembers = {
    "subject",   "object",   "predicate",      "subject_type", "object_type",
    "subj_type", "obj_type", "subj_char_span", "obj_char_span"};

}  // namespace

bool is_triple_member(std::string_view key) {
  return std::find(kMembers.begin(), kMembers.end(), key) != kMembers.end();
}

Status TripleReader::read_entities(JsonView list, const char* type_key) {
  if (!list) return {};
  for (const JsonView item : list) {
    RELATA_TRY(const std::string_view name, record_.get_text(item, "text"));
    RELATA_TRY(const std::string_view type, record_.find_text(item, type_key));
    types_.try_emplace(name, type);
    RELATA_TRY(const JsonView span, record_.find_list(item, "char_span"));
    if (!span) continue;
    RELATA_TRY(const ByteRange range, read_span(span, name));
    types_by_place_.try_emplace({range.begin, range.end}, type);
    builder_.named_at(name, type, range);
  }
  return {};
}

Result<TripleReader::End> TripleReader::read_end(JsonView item, const char* name,
                                                 const char* short_name) const {
  End end;
  RELATA_TRY(end.name, record_.get(item, name));
  for (const char* spelling : {name, short_name}) {
    RELATA_TRY(const JsonView type, record_.find(item, std::string(spelling) + "_type"));
    if (!end.type && type && !type.is_null()) end.type = type;
  }
  RELATA_TRY(end.span, record_.find_list(item, std::string(short_name) + "_char_span"));
  return end;
}

Status TripleReader::read_item(JsonView item) {
  RELATA_TRY(const End head, read_end(item, "subject", "subj"));
  RELATA_TRY(const JsonView relation, record_.get(item, "predicate"));
  RELATA_TRY(const End tail, read_end(item, "object", "obj"));
  return add(head, relation, tail);
}

Status TripleReader::add(const End& head, JsonView relation, const End& tail) {
  RELATA_TRY(const int from, add_entity(head));
  RELATA_TRY(const int to, add_entity(tail));
  RELATA_TRY(const std::string_view type, record_.as_text(relation));
  if (type.empty()) return record_.fail(relation, "is empty");
  builder_.relate(from, to, type);
  return {};
}

size_t TripleReader::left_out() const {
  std::unordered_set<std::string_view> found;
  for (const Entity& entity : builder_.document.entities) found.insert(entity.text);
  return static_cast<size_t>(std::count_if(types_.begin(), types_.end(), [&](const auto& entry) {
    return !found.contains(entry.first);
  }));
}

Result<std::string_view> TripleReader::text_of(JsonView slot) const {
  if (slot.is_object()) return record_.get_text(slot, kTripleValue);
  return record_.as_text(slot);
}

Result<ByteRange> TripleReader::read_span(JsonView span, std::string_view name) {
  RELATA_CHECK(record_.check_list(span, 2));
  const auto begin = span.at(0).integer();
  const auto end = span.at(1).integer();
  if (!begin || !end) return record_.fail(span, "is not [begin, end]");
  return read_code_points(record_, span, *begin, *end, name, builder_.document.text, offsets_,
                          intake_);
}

Result<int> TripleReader::add_entity(const End& end) {
  RELATA_TRY(const std::string_view name, text_of(end.name));
  if (name.empty()) return record_.fail(end.name, "is empty");
  const auto known = types_.find(name);
  std::string_view type = known == types_.end() ? "" : known->second;
  std::optional<ByteRange> range;
  if (end.span) {
    RELATA_TRY(range, read_span(end.span, name));
    const auto stated = types_by_place_.find({range->begin, range->end});
    if (stated != types_by_place_.end()) type = stated->second;
  }
  if (end.type) {
    RELATA_TRY(type, text_of(end.type));
  }
  return range ? builder_.named_at(name, type, *range) : builder_.named(name, type);
}

}  // namespace relata::data
