#include "names/name_words.h"

#include <unicode/uchar.h>

#include <algorithm>

namespace relata::extract {
namespace {

// Such as an accent or what makes the character before it an emoji.
bool is_mark(char32_t c) {
  return !text::is_spaceless(c) && (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_M_MASK) != 0;
}

bool is_of_word(char32_t c) {
  return is_mark(c) || (!text::is_spaceless(c) && u_isalnum(static_cast<UChar32>(c)) != 0);
}

// "9" a number, "A" capitals, "U" a capital first, "a" other letters; else the word itself.
std::string shape_of(std::u32string_view word) {
  const auto first = static_cast<UChar32>(word.front());
  if (u_isdigit(first) != 0) return "9";
  if (u_isalpha(first) == 0) return text::to_utf8(word);
  if (u_isupper(first) == 0 && u_istitle(first) == 0) return "a";
  const bool mixed = std::any_of(
      word.begin(), word.end(), [](char32_t c) { return u_islower(static_cast<UChar32>(c)) != 0; });
  return mixed || word.size() == 1 ? "U" : "A";
}

// FNV-1a, 64 bits.
class FeatureHash {
 public:
  explicit FeatureHash(char kind) { add(std::string_view(&kind, 1)); }
  FeatureHash& add(std::string_view part) {
    for (const char c : part) step(static_cast<unsigned char>(c));
    step(0xFF);  // in no UTF-8: tells parts apart
    return *this;
  }
  uint32_t bucket() const {
    return static_cast<uint32_t>((value_ ^ value_ >> 29) % NameWords::kBuckets);
  }

 private:
  void step(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001B3ULL; }
  uint64_t value_ = 0xCBF29CE484222325ULL;
};

// The last three code points.
std::string_view ending(std::string_view word) {
  size_t at = word.size();
  for (int left = 3; left > 0 && at > 0; --left) {
    --at;
    while (at > 0 && (static_cast<unsigned char>(word[at]) & 0xC0) == 0x80) --at;
  }
  return word.substr(at);
}

}  // namespace

NameWords::NameWords(std::string_view text) : text_(text) {
  const std::u32string points = text::to_code_points(text);
  size_t byte = 0;  // where points[i] begins
  size_t line = 0;
  for (size_t i = 0; i < points.size();) {
    const size_t first = i;
    const size_t begin = byte;
    const auto take = [&] {
      byte += text::code_point_length(text, byte);
      ++i;
    };
    take();
    const char32_t c = points[first];
    if (c == U'\n') ++line;
    if (u_isUWhiteSpace(static_cast<UChar32>(c)) != 0) continue;
    const auto goes_on = is_of_word(c) ? is_of_word : is_mark;
    while (i < points.size() && goes_on(points[i])) take();
    const auto word = std::u32string_view(points).substr(first, i - first);
    words_.push_back({{begin, byte}, shape_of(word), line});
  }
}

std::optional<WordSpan> NameWords::span_of(const text::ByteRange& range) const {
  const auto first = std::partition_point(words_.begin(), words_.end(), [&](const Word& word) {
    return word.place.begin < range.begin;
  });
  const auto last = std::partition_point(
      first, words_.end(), [&](const Word& word) { return word.place.end < range.end; });
  if (last == words_.end() || first->place.begin != range.begin || last->place.end != range.end) {
    return std::nullopt;
  }
  return WordSpan{static_cast<size_t>(first - words_.begin()),
                  static_cast<size_t>(last - words_.begin())};
}

std::string_view NameWords::word(size_t index) const {
  const text::ByteRange& place = words_[index].place;
  return text_.substr(place.begin, place.end - place.begin);
}

const NameWords::Word* NameWords::neighbour(size_t index, std::ptrdiff_t step) const {
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(index) + step;
  if (at < 0 || at >= static_cast<std::ptrdiff_t>(words_.size())) return nullptr;
  const Word& found = words_[static_cast<size_t>(at)];
  return found.line == words_[index].line ? &found : nullptr;
}

std::string_view NameWords::beside(size_t index, std::ptrdiff_t step) const {
  const Word* found = neighbour(index, step);
  return found == nullptr ? std::string_view()
                          : text_.substr(found->place.begin, found->place.end - found->place.begin);
}

std::string_view NameWords::shape_beside(size_t index, std::ptrdiff_t step) const {
  const Word* found = neighbour(index, step);
  return found == nullptr ? std::string_view() : std::string_view(found->shape);
}

std::vector<uint32_t> NameWords::features(const WordSpan& span) const {
  std::vector<uint32_t> out;
  const auto add = [&](char kind, auto... parts) {
    FeatureHash hash(kind);
    (hash.add(parts), ...);
    out.push_back(hash.bucket());
  };
  const std::string_view first = word(span.first);
  const std::string_view last = word(span.last);
  const std::string_view first_shape = words_[span.first].shape;
  const std::string_view last_shape = words_[span.last].shape;
  const std::string_view before = beside(span.first, -1);
  const std::string_view after = beside(span.last, 1);
  const std::string_view before_shape = shape_beside(span.first, -1);
  const std::string_view after_shape = shape_beside(span.last, 1);
  const size_t length = span.last - span.first + 1;
  std::string shapes;
  for (size_t i = span.first; i <= span.last && i < span.first + 10; ++i) shapes += words_[i].shape;

  add('b');  // in every piece
  add('n', std::to_string(std::min<size_t>(length, 8)));
  add('s', std::string_view(shapes));
  add('f', first);
  add('l', last);
  add('e', ending(last));
  add('p', before);
  add('q', after);
  add('P', beside(span.first, -2), before);
  add('Q', after, beside(span.last, 2));
  add('r', before, first_shape);
  add('t', last_shape, after);
  add('R', before_shape, first_shape);
  add('T', last_shape, after_shape);
  add('B', before_shape, after_shape);
  const size_t end = words_[span.last].place.end;
  add('a', text_.substr(words_[span.first].place.begin, end - words_[span.first].place.begin));
  for (size_t i = span.first; i <= span.last; ++i) {
    add('w', word(i));
    if (i == span.first || i == span.last) continue;
    add('i', std::string_view(words_[i].shape));
    add('j', std::string_view(words_[i - 1].shape), word(i), std::string_view(words_[i + 1].shape));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace relata::extract
