#include "shown_text.h"

#include <algorithm>
#include <string_view>

#include "relata/base/trim.h"

namespace relata::extract {
namespace {

using data::Document;
using text::ByteRange;

// The bytes of the line break at `at`; 0 where there is none.
size_t break_length(std::string_view text, size_t at) {
  if (std::string_view("\n\r\v\f\xC2\xE2").find(text[at]) == std::string_view::npos) return 0;
  for (const std::string_view one : {"\r\n", "\n", "\r", "\v", "\f", "\u0085", "\u2028"}) {
    if (text.substr(at, one.size()) == one) return one.size();
  }
  return 0;
}

// A run of blanks and line breaks.
struct Gap {
  ByteRange range;
  int breaks = 0;
};

bool is_inner_byte(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

char32_t code_point_at(std::string_view text, size_t at) {
  return text::to_code_points(text.substr(at, text::code_point_length(text, at))).front();
}

char32_t code_point_before(std::string_view text, size_t at) {
  do {
    --at;
  } while (is_inner_byte(text[at]));
  return code_point_at(text, at);
}

bool is_letter_byte(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return value >= 0x80 || (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z');
}

// "Jean-" and "Paul": a hyphen that a letter stands before and after.
bool is_behind_hyphen(std::string_view text, const ByteRange& gap) {
  return gap.begin >= 2 && text[gap.begin - 1] == '-' && is_letter_byte(text[gap.begin - 2]) &&
         is_letter_byte(text[gap.end]);
}

// A row of a table.
bool is_row(std::string_view line) {
  return line.starts_with('|') || line.find('\t') != std::string_view::npos;
}

// An item of a list.
bool is_item(std::string_view line) {
  for (const std::string_view mark : {"- ", "* ", "+ ", "\u2022 "}) {
    if (line.starts_with(mark)) return true;
  }
  constexpr size_t kMostDigits = 3;  // 1984 is a year
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  const std::string_view behind = line.substr(digits, 2);
  return digits > 0 && digits <= kMostDigits && (behind == ". " || behind == ") ");
}

class TextShower {
 public:
  explicit TextShower(const Document& document) : document_(document), text_(document.text) {}

  // The shown text with the places of its bytes in the original, the end included.
  void run() {
    for (size_t at = 0; at < text_.size();) {
      const Gap gap = gap_at(at);
      if (gap.range.end == gap.range.begin) {
        keep(at++);
        continue;
      }
      add_gap(gap);
      at = gap.range.end;
      if (gap.breaks > 0) line_ = at;
    }
    places.push_back(text_.size());
  }

  std::string text;
  std::vector<size_t> places;

 private:
  void keep(size_t at) {
    text += text_[at];
    places.push_back(at);
  }

  Gap gap_at(size_t at) const {
    Gap gap{{at, at}, 0};
    while (gap.range.end < text_.size()) {
      const size_t length = break_length(text_, gap.range.end);
      const char byte = text_[gap.range.end];
      if (length == 0 && byte != ' ' && byte != '\t') break;
      gap.breaks += length > 0 ? 1 : 0;
      gap.range.end += std::max<size_t>(length, 1);
    }
    return gap;
  }

  void add_gap(const Gap& gap) {
    const bool at_end = gap.range.begin == 0 || gap.range.end == text_.size();
    if (gap.breaks > 1 || (gap.breaks == 1 && (at_end || is_kept(gap.range)))) {
      for (size_t at = gap.range.begin; at < gap.range.end; ++at) keep(at);
    } else if (gap.breaks == 0) {
      for (size_t at = gap.range.begin; at < gap.range.end; ++at) {
        keep(at);
        text.back() = ' ';
      }
    } else if (!is_between_wide(gap.range) && !is_behind_hyphen(text_, gap.range)) {
      keep(gap.range.begin);
      text.back() = ' ';
    }
  }

  bool is_between_wide(const ByteRange& gap) const {
    return text::is_spaceless(code_point_before(text_, gap.begin)) &&
           text::is_spaceless(code_point_at(text_, gap.end));
  }

  std::string_view line_at(size_t begin) const {
    size_t end = begin;
    while (end < text_.size() && break_length(text_, end) == 0) ++end;
    return trimmed(text_.substr(begin, end - begin));
  }

  // Whether it is no page's width that breaks the line here.
  bool is_between_lines(const ByteRange& gap) const {
    const std::string_view next = line_at(gap.end);
    return is_between_wide(gap) || is_row(line_at(line_)) || is_row(next) || is_item(next);
  }

  bool is_kept(const ByteRange& gap) const {
    if (!is_between_lines(gap)) return false;
    const auto inside = [&](const ByteRange& mention) {
      return mention.begin < gap.begin && gap.end < mention.end;
    };
    return std::none_of(
        document_.entities.begin(), document_.entities.end(), [&](const data::Entity& entity) {
          return std::any_of(entity.mentions.begin(), entity.mentions.end(), inside);
        });
  }

  const Document& document_;
  std::string_view text_;
  size_t line_ = 0;  // where the line begins that is shown
};

// Moves the places of a document from its original text to the shown one.
class PlaceMover {
 public:
  explicit PlaceMover(const std::vector<size_t>& places) : places_(places) {}

  void move(ByteRange& range) const { range = {shown(range.begin), shown(range.end)}; }
  void move(std::vector<ByteRange>& ranges) const {
    for (ByteRange& range : ranges) move(range);
  }

 private:
  // The first shown byte that comes from there or later.
  size_t shown(size_t original) const {
    return static_cast<size_t>(std::lower_bound(places_.begin(), places_.end(), original) -
                               places_.begin());
  }

  const std::vector<size_t>& places_;
};

void place_entities(Document& document) {
  for (data::Entity& entity : document.entities) {
    if (entity.mentions.empty()) entity.mentions = data::places_of(document, entity);
  }
}

}  // namespace

ShownDocument ShownDocument::with_places(const Document& original) {
  Document placed = original;
  place_entities(placed);
  ShownDocument out(placed);
  place_entities(out.shown_);
  return out;
}

ShownDocument::ShownDocument(const Document& original) : shown_(original) {
  if (original.text.find_first_of("\n\r\v\f\t") == std::string::npos &&
      original.text.find("\u0085") == std::string::npos &&
      original.text.find("\u2028") == std::string::npos) {
    return;
  }
  TextShower shower(original);
  shower.run();
  if (shower.text == original.text) return;
  shown_.text = std::move(shower.text);
  places_ = std::move(shower.places);
  const PlaceMover mover(places_);
  mover.move(shown_.sentences);
  for (data::Entity& entity : shown_.entities) mover.move(entity.mentions);
  for (data::Relation& relation : shown_.relations) mover.move(relation.evidence);
  for (data::Event& event : shown_.events) {
    mover.move(event.trigger);
    for (data::Argument& argument : event.arguments) mover.move(argument.range);
  }
}

// By its last byte: behind that, characters may be gone.
ByteRange ShownDocument::in_original(const ByteRange& range) const {
  if (range.begin == range.end) return {places_[range.begin], places_[range.begin]};
  return {places_[range.begin], places_[range.end - 1] + 1};
}

void ShownDocument::restore(const Document& original, bool given, Document& found) const {
  if (places_.empty()) return;
  found.text = original.text;
  found.sentences = original.sentences;
  if (given) {
    found.entities = original.entities;
    found.events = original.events;
  } else {
    for (data::Entity& entity : found.entities) {
      for (ByteRange& mention : entity.mentions) mention = in_original(mention);
    }
  }
  for (data::Relation& relation : found.relations) {
    for (ByteRange& evidence : relation.evidence) evidence = in_original(evidence);
  }
}

std::vector<Document> shown_documents(const std::vector<Document>& documents) {
  std::vector<Document> out;
  out.reserve(documents.size());
  for (const Document& document : documents) {
    out.push_back(ShownDocument::with_places(document).document());
  }
  return out;
}

}  // namespace relata::extract
