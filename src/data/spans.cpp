#include "spans.h"

#include <algorithm>

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool equal_but_for_space(std::string_view a, std::string_view b) {
  const auto is_space = [](char c) { return kSpace.find(c) != std::string_view::npos; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return x == y || (is_space(x) && is_space(y)); });
}

bool is_ascii_mark(char c) {
  return kSpace.find(c) != std::string_view::npos || (c >= '!' && c <= '/') ||
         (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

std::string_view without_marks(std::string_view text) {
  while (!text.empty() && is_ascii_mark(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ascii_mark(text.back())) text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  constexpr size_t kLongest = 60;
  std::string_view shown = text.substr(0, kLongest);
  shown = shown.substr(0, text::find_invalid_utf8(shown).value_or(shown.size()));
  return "\"" + std::string(shown) + (shown.size() < text.size() ? "…\"" : "\"");
}

std::string span_text(size_t begin, size_t end) {
  return std::to_string(begin) + "-" + std::to_string(end);
}

}  // namespace

Result<ByteRange> SpanReader::read(size_t begin, size_t end, std::string_view stated,
                                   const std::string& where) const {
  const bool inside = begin < end && end <= offsets_.code_points();
  const ByteRange range{offsets_.to_byte(begin), offsets_.to_byte(std::max(begin, end))};
  const std::string_view found =
      std::string_view(text_).substr(range.begin, range.end - range.begin);
  if (inside && equal_but_for_space(found, stated)) return range;
  const std::string problem = inside ? "hold " + quoted(found) + ", not " + quoted(stated)
                                     : "are no range of the text's " +
                                           std::to_string(offsets_.code_points()) + " code points";
  const auto mended = intake_.fixes() ? mend(range, stated) : std::nullopt;
  if (!mended) {
    return input_error(where + ": offsets " + span_text(begin, end) + " " + problem,
                       intake_.fixes() ? "the stated text is not near there either; mend the file"
                                       : "mend the offsets, or let on_error=fix look for the text");
  }
  intake_.note_fix(where, "offsets " + span_text(begin, end) + " " + problem + "; they are now " +
                              span_text(offsets_.to_code_point(mended->begin),
                                        offsets_.to_code_point(mended->end)));
  return *mended;
}

std::optional<ByteRange> SpanReader::mend(ByteRange range, std::string_view stated) const {
  if (const auto whole = nearest_occurrence(text_, std::string(stated), range)) return whole;
  const std::string_view core = without_marks(stated);
  if (core.size() == stated.size()) return std::nullopt;
  return nearest_occurrence(text_, std::string(core), range);
}

Json SpanReader::to_json(const ByteRange& range) const {
  return {offsets_.to_code_point(range.begin), offsets_.to_code_point(range.end)};
}

std::optional<ByteRange> SpanReader::from_json(const Json& value) const {
  if (!value.is_array() || value.size() != 2) return std::nullopt;
  if (!value[0].is_number_unsigned() || !value[1].is_number_unsigned()) return std::nullopt;
  const auto begin = value[0].get<size_t>();
  const auto end = value[1].get<size_t>();
  if (begin >= end || end > offsets_.code_points()) return std::nullopt;
  return ByteRange{offsets_.to_byte(begin), offsets_.to_byte(end)};
}

std::string UniqueIds::take(const std::string& wanted) {
  if (!wanted.empty() && taken_.insert(wanted).second) return wanted;
  for (size_t number = 2;; ++number) {
    std::string id = (wanted.empty() ? "e" : wanted + "#") + std::to_string(number);
    if (taken_.insert(id).second) return id;
  }
}

ByteRange enclosing(const std::vector<ByteRange>& pieces) {
  ByteRange range = pieces.at(0);
  for (const ByteRange& piece : pieces) {
    range.begin = std::min(range.begin, piece.begin);
    range.end = std::max(range.end, piece.end);
  }
  return range;
}

std::string pieces_text(const std::string& text, const std::vector<ByteRange>& pieces) {
  std::string out;
  for (const ByteRange& piece : pieces) {
    if (!out.empty()) out.push_back(' ');
    out += text.substr(piece.begin, piece.end - piece.begin);
  }
  return out;
}

Status leave_out(const Error& error, Intake& intake) {
  if (!intake.fixes() || error.code != ErrorCode::kBadInput) return error;
  intake.note_fix(error.message, "left out");
  return {};
}

}  // namespace relata::data
