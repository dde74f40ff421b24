// The canonical record: a text, its entities and the relations between them.
// Offsets are bytes here and half-open Unicode code points in files; readers and writers convert.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/text/utf8.h"

namespace relata::data {

using text::ByteRange;

struct Entity {
  std::string id;  // unique in its document: "e0"
  // Surface form of the first mention, or the name a format states; "" without mentions where a
  // published record leaves the entity out (KBP37), so that nothing can be asked about it.
  std::string text;
  std::string type;                 // "" when the format has none
  std::vector<ByteRange> mentions;  // sorted; empty when the entity is not in the text
  // The names a format states for the mentions, one each; empty when all are the text they cover.
  std::vector<std::string> names;
};

struct Relation {
  int head = 0;  // index into Document::entities
  int tail = 0;
  std::string type;
  std::optional<double> score;      // probability, for predictions
  std::vector<ByteRange> evidence;  // may be empty
};

struct Argument {
  std::string role;
  ByteRange range;  // the argument's text; empty when only its entity is known
  int entity = -1;  // index into Document::entities, or -1
};

struct Event {
  std::string id;     // unique in its document: "ev0"
  std::string type;   // "" when the format has none
  ByteRange trigger;  // empty when the format states none
  std::vector<Argument> arguments;
};

struct Document {
  std::string id;
  std::string text;
  std::vector<ByteRange> sentences;  // when the format states them; sorted, disjoint
  std::vector<Entity> entities;
  std::vector<Relation> relations;
  std::vector<Event> events;
  Json meta;  // object or null; "pairs" lists the query pairs [[head, tail], ...] that a pair data
              // set asks about, when they are more than the relations tell
};

// One JSONL line without its newline, as INTERFACE.md's result record.
std::string to_json_line(const Document& document);
// `where` ("gold.jsonl:12") begins error messages. Checks offsets, ids and types.
Result<Document> document_from_json(const Json& value, const std::string& where);

// Orders the mentions by their place, and with them their names.
void sort_mentions(Entity& entity);

// Byte ranges of all non-overlapping occurrences of `needle`, left to right; none for "".
std::vector<ByteRange> find_occurrences(const std::string& text, const std::string& needle);

// Where `name` stands in `text`: occurrences that cut no word of letters and digits, or all when
// there is none such ("Iraq" is not in "Iraqi" if the text has "Iraq" too). Scripts that write no
// spaces have no words here.
std::vector<ByteRange> find_mentions(const std::string& text, const std::string& name);

// The entity's mentions; of one that is stated by its name alone, where the text has that.
std::vector<ByteRange> places_of(const Document& document, const Entity& entity);

// The distinct names by which the document mentions the entity, in the mentions' order: the stated
// one where the text holds it, else the text that the mention covers; without mentions its own.
std::vector<std::string> surface_names(const Document& document, const Entity& entity);

}  // namespace relata::data
