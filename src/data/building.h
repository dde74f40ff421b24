// Builds documents from what formats state: names without places, or places.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "formats/json_records.h"
#include "relata/data/document.h"

namespace relata::data {

class DocumentBuilder {
 public:
  Document document;  // give it its text first; entities and relations are added below

  // The entity of that name and type, with all places where the name stands.
  int named(std::string_view name, std::string_view type);
  // The entity of that name and type where a file states that it is mentioned at `range`: it stands
  // at all ranges so stated, and is not looked for.
  int named_at(std::string_view name, std::string_view type, ByteRange range);
  // An entity without text or place.
  int nameless();
  // The entity of that type that stands at `range` and nowhere else.
  int placed(ByteRange range, std::string_view type);
  // The first entity added by placed() or standing() at `range`; a new one if there is none.
  int standing(ByteRange range, std::string_view type_if_new);
  void relate(int head, int tail, std::string_view type);
  // Asks about the pair without stating a relation.
  void ask(int head, int tail);

 private:
  using Place = std::pair<size_t, size_t>;
  Entity& add(std::string_view type);
  std::map<std::pair<std::string, std::string>, int> by_name_;
  std::set<int> stated_;  // entities added by named_at()
  std::map<std::pair<Place, std::string>, int> by_place_and_type_;
  std::map<Place, int> by_place_;
};

// [begin, end) in code points of the text, as bytes; an error names the field. With on_error=fix
// white space at the ends is left out, and a range that does not cover `stated` (if that is given)
// is moved to the nearest place that does; without, such a range is an error.
Result<ByteRange> read_code_points(const JsonRecord& record, JsonView field, int64_t begin,
                                   int64_t end, std::string_view stated, const std::string& text,
                                   const text::OffsetMap& offsets, Intake& intake);

// The id that a record states under one of `keys`, or the file's name and the record's number.
Result<std::string> record_id(const JsonRecord& record, const Source& source,
                              std::initializer_list<std::string_view> keys);

// One record of the conll04 format, which ade also comes in.
Status read_spert_record(const JsonRecord& record, const Source& source, Intake& intake);

}  // namespace relata::data
