// Triples of names, for the formats that list them. They are spelled as TPLinker has them
// ({"subject", "predicate", "object", "subj_char_span", "obj_char_span"}), with types as DuIE
// states them ("subject_type", "object_type", also "subj_type" and "obj_type"), names and types as
// text or as {"@value": text}.
#pragma once

#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "building.h"

namespace relata::data {

// Adds triples and entities to a document, whose text `builder` has already. What is stated of an
// entity's type and place counts; one without a stated place is mentioned wherever its name stands.
class TripleReader {
 public:
  struct End {
    JsonView name;
    JsonView type;  // absent where none is stated
    JsonView span;  // [begin, end] in code points; absent where none is stated
  };

  TripleReader(const JsonRecord& record, DocumentBuilder& builder, Intake& intake)
      : record_(record), builder_(builder), intake_(intake), offsets_(builder.document.text) {}

  // {"text", `type_key`, "char_span"}: entities with a place are added; the others only tell the
  // types of names.
  Status read_entities(JsonView list, const char* type_key);
  // An item of "relation_list" or "spo_list".
  Status read_item(JsonView item);
  Status add(const End& head, JsonView relation, const End& tail);
  // Names whose places nobody states and that are in no triple.
  size_t left_out() const;

 private:
  using Place = std::pair<size_t, size_t>;
  Result<std::string_view> text_of(JsonView slot) const;
  Result<End> read_end(JsonView item, const char* name, const char* short_name) const;
  Result<ByteRange> read_span(JsonView span, std::string_view name);
  Result<int> add_entity(const End& end);

  const JsonRecord& record_;
  DocumentBuilder& builder_;
  Intake& intake_;
  text::OffsetMap offsets_;
  std::unordered_map<std::string_view, std::string_view> types_;  // by name; the first one stated
  std::map<Place, std::string_view> types_by_place_;
};

constexpr const char* kTripleValue = "@value";

// Whether TripleReader::read_item() reads the member.
bool is_triple_member(std::string_view key);

}  // namespace relata::data
