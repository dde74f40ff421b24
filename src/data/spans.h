// What the readers of annotated spans share: offsets that are checked against the stated text,
// ids that must differ, spans in several pieces, and notes about events.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "reading.h"

namespace relata::data {

// Checks offsets against the text that a file states for them. Where they disagree, on_error=fix
// moves the span to the nearest place that has the stated text, and otherwise it is an error.
class SpanReader {
 public:
  // Both are borrowed; `text` is valid UTF-8.
  SpanReader(const std::string& text, Intake& intake)
      : text_(text), offsets_(text), intake_(intake) {}

  const text::OffsetMap& offsets() const { return offsets_; }
  // `begin` and `end` in code points; `where` begins messages. White space of any kind is equal.
  Result<ByteRange> read(size_t begin, size_t end, std::string_view stated,
                         const std::string& where) const;
  // Code points as [begin, end], for notes in meta.
  Json to_json(const ByteRange& range) const;
  // A range that meta notes in code points; none if it is not inside the text.
  std::optional<ByteRange> from_json(const Json& value) const;

 private:
  std::optional<ByteRange> mend(ByteRange range, std::string_view stated) const;

  const std::string& text_;
  text::OffsetMap offsets_;
  Intake& intake_;
};

// Ids of one kind in one document.
class UniqueIds {
 public:
  // `wanted`, or with a number behind it if it is empty or taken.
  std::string take(const std::string& wanted);

 private:
  std::unordered_set<std::string> taken_;
};

// The smallest range around all pieces; there must be one.
ByteRange enclosing(const std::vector<ByteRange>& pieces);
// The text of the pieces with a space between them.
std::string pieces_text(const std::string& text, const std::vector<ByteRange>& pieces);

// With on_error=fix an annotation that cannot be mended is left out alone and noted; otherwise its
// error is passed on, and so its whole document is refused.
Status leave_out(const Error& error, Intake& intake);

}  // namespace relata::data
