#include "stated_names.h"

#include <algorithm>
#include <set>

namespace relata::data {
namespace {

// Letters and signs, ASCII capitals as small ones, without white space.
std::string bare(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
}

std::string_view covered(const Document& document, const ByteRange& range) {
  return std::string_view(document.text).substr(range.begin, range.end - range.begin);
}

bool agrees(const Document& document, const Entity& entity) {
  if (entity.text.empty() || entity.mentions.empty()) return true;
  const std::string name = bare(entity.text);
  const auto is_name = [&](std::string_view text) { return bare(text) == name; };
  return std::any_of(entity.names.begin(), entity.names.end(), is_name) ||
         std::any_of(
             entity.mentions.begin(), entity.mentions.end(),
             [&](const ByteRange& mention) { return is_name(covered(document, mention)); }) ||
         find_occurrences(document.text, entity.text).empty();
}

// None where a mention is about something else than the name, or two would be in one place.
std::optional<std::vector<ByteRange>> mended(const Document& document, const Entity& entity) {
  const size_t length = text::OffsetMap(entity.text).code_points();
  std::set<size_t> begins;
  std::vector<ByteRange> places;
  for (const ByteRange& mention : entity.mentions) {
    if (text::OffsetMap(covered(document, mention)).code_points() != length) return std::nullopt;
    const auto near = nearest_occurrence(document.text, entity.text, mention);
    if (!near || !begins.insert(near->begin).second) return std::nullopt;
    places.push_back(*near);
  }
  return places;
}

std::string offsets_text(const std::vector<ByteRange>& ranges, const text::OffsetMap& offsets) {
  std::string out;
  for (const ByteRange& range : ranges) {
    out += (out.empty() ? "" : ", ") + std::to_string(offsets.to_code_point(range.begin)) + "-" +
           std::to_string(offsets.to_code_point(range.end));
  }
  return out;
}

}  // namespace

Status check_stated_names(Document& document, const std::string& where, Intake& intake) {
  for (size_t i = 0; i < document.entities.size(); ++i) {
    Entity& entity = document.entities[i];
    if (agrees(document, entity)) continue;
    const text::OffsetMap offsets(document.text);
    const std::string problem = "entities[" + std::to_string(i) + "]: offsets " +
                                offsets_text(entity.mentions, offsets) + " hold \"" +
                                std::string(covered(document, entity.mentions.front())) +
                                "\", not \"" + entity.text + "\"";
    const auto places = intake.fixes() ? mended(document, entity) : std::nullopt;
    if (!places) {
      return input_error(
          where + ": " + problem,
          "mend the offsets (they count code points), leave \"text\" out, or state the names that "
          "differ in \"names\", one for each mention; on_error=fix looks for the text");
    }
    entity.mentions = *places;
    sort_mentions(entity);
    intake.note_fix(where, problem + "; they are now " + offsets_text(entity.mentions, offsets));
  }
  return {};
}

}  // namespace relata::data
