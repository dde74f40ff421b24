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
  std::string id;    // unique in its document: "e0"
  std::string text;  // surface form of the first mention, or the name a format states
  std::string type;  // "" when the format has none
  std::vector<ByteRange> mentions;  // sorted; empty when the entity is not in the text
};

struct Relation {
  int head = 0;  // index into Document::entities
  int tail = 0;
  std::string type;
  std::optional<double> score;      // probability, for predictions
  std::vector<ByteRange> evidence;  // may be empty
};

struct Document {
  std::string id;
  std::string text;
  std::vector<Entity> entities;
  std::vector<Relation> relations;
  Json meta;  // object or null; "pairs" lists the query pairs [[head, tail], ...] that a pair data
              // set asks about, when they are more than the relations tell
};

// One JSONL line without its newline, as INTERFACE.md's result record.
std::string to_json_line(const Document& document);
// `where` ("gold.jsonl:12") begins error messages. Checks offsets, ids and types.
Result<Document> document_from_json(const Json& value, const std::string& where);

// Byte ranges of all non-overlapping occurrences of `needle`, left to right; none for "".
std::vector<ByteRange> find_occurrences(const std::string& text, const std::string& needle);

}  // namespace relata::data
