#include "relata/data/spacing.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <vector>

#include "relata/text/utf8.h"

namespace relata::data {
namespace {

constexpr std::array<std::string_view, 13> kClosing = {",", ".", ";", ":",   "!", "?", ")",
                                                       "]", "}", "%", "...", "…", "”"};
constexpr std::array<std::string_view, 7> kOpening = {"(", "[", "{", "“", "$", "£", "€"};
// What tokenizers cut from the word before it, in either apostrophe.
constexpr std::array<std::string_view, 7> kClitics = {"s", "re", "ll", "ve", "d", "m", "t"};

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& all, std::string_view token) {
  return std::find(all.begin(), all.end(), token) != all.end();
}

bool is_clitic(std::string_view token) {
  if (token == "n't" || token == "n’t") return true;
  for (const std::string_view apostrophe : {"'", "’"}) {
    if (token.starts_with(apostrophe) && is_one_of(kClitics, token.substr(apostrophe.size()))) {
      return true;
    }
  }
  return false;
}

// Bytes beyond ASCII count as letters.
bool is_word(unsigned char c) { return c >= 0x80 || std::isalnum(c) != 0; }
bool is_digit(unsigned char c) { return std::isdigit(c) != 0; }

struct Token {
  size_t begin, end;
};

// Runs without blanks of one line.
std::vector<Token> tokens_of(std::string_view text, size_t begin, size_t end) {
  std::vector<Token> tokens;
  for (size_t at = begin; at < end;) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const size_t stop = std::min(text.find(' ', at), end);
    tokens.push_back({at, stop});
    at = stop;
  }
  return tokens;
}

// Decides for each gap of one line whether its blank goes.
class Line {
 public:
  Line(std::string_view text, std::vector<Token> tokens)
      : text_(text), tokens_(std::move(tokens)), joined_(tokens_.size(), false) {
    for (size_t i = 0; i < tokens_.size(); ++i) look_at(i);
  }
  // Appends the places of the blanks that go.
  void blanks(std::vector<size_t>& out) const {
    for (size_t i = 1; i < tokens_.size(); ++i) {
      const bool one_blank = tokens_[i].begin == tokens_[i - 1].end + 1;
      if (joined_[i] && one_blank) out.push_back(tokens_[i - 1].end);
    }
  }

 private:
  std::string_view token(size_t i) const {
    return text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }
  void join_left(size_t i) { joined_[i] = true; }
  void join_right(size_t i) {
    if (i + 1 < tokens_.size()) joined_[i + 1] = true;
  }
  bool between(size_t i, bool (*kind)(unsigned char)) const {
    return i > 0 && i + 1 < tokens_.size() && kind(text_[tokens_[i].begin - 2]) &&
           kind(text_[tokens_[i + 1].begin]);
  }
  void quote(size_t i, bool& open) {
    if (open) {
      join_left(i);
    } else {
      join_right(i);
    }
    open = !open;
  }
  void look_at(size_t i) {
    const std::string_view here = token(i);
    if (is_one_of(kClosing, here) || is_clitic(here)) return join_left(i);
    if (is_one_of(kOpening, here)) return join_right(i);
    if (here == "\"") return quote(i, in_double_);
    if (here == "'" || here == "’") {
      // "the workers ' union": no quote has been opened that could end here.
      const bool possessive = !in_single_ && i > 0 && token(i - 1).ends_with('s');
      if (possessive) return join_left(i);
      return quote(i, in_single_);
    }
    const bool joins =
        here == "-" || here == "/" ? between(i, is_word) : here == "–" && between(i, is_digit);
    if (!joins) return;
    join_left(i);
    join_right(i);
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::vector<bool> joined_;  // with the token before
  bool in_double_ = false, in_single_ = false;
};

std::vector<size_t> superfluous_blanks(std::string_view text) {
  std::vector<size_t> blanks;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    Line(text, tokens_of(text, begin, end)).blanks(blanks);
    begin = end + 1;
  }
  return blanks;
}

std::string without(std::string_view text, const std::vector<size_t>& blanks) {
  std::string out;
  out.reserve(text.size() - blanks.size());
  size_t from = 0;
  for (const size_t blank : blanks) {
    out += text.substr(from, blank - from);
    from = blank + 1;
  }
  out += text.substr(from);
  return out;
}

// The offsets that meta notes in code points: the pieces of spans in several (brat, PHEE), and
// where the pages of a PDF begin. What has another form than readers give it stays as it is.
void move_meta(Json& meta, size_t code_points, const std::function<size_t(size_t)>& moved) {
  if (!meta.is_object()) return;
  const auto move = [&](Json& offset) {
    if (!offset.is_number_integer() || offset < 0 || offset > code_points) return;
    offset = moved(offset.get<size_t>());
  };
  if (const auto spans = meta.find("fragments"); spans != meta.end() && spans->is_object()) {
    for (Json& pieces : *spans) {
      if (!pieces.is_array()) continue;
      for (Json& piece : pieces) {
        if (piece.is_array()) std::for_each(piece.begin(), piece.end(), move);
      }
    }
  }
  if (const auto pages = meta.find("pages"); pages != meta.end() && pages->is_array()) {
    std::for_each(pages->begin(), pages->end(), move);
  }
}

}  // namespace

std::string natural_spacing(std::string_view text) {
  return without(text, superfluous_blanks(text));
}

Document natural_spacing(Document document) {
  const std::vector<size_t> blanks = superfluous_blanks(document.text);
  if (blanks.empty()) return document;
  const std::string before = std::move(document.text);
  document.text = without(before, blanks);
  const auto moved = [&](size_t offset) {
    return offset - static_cast<size_t>(std::lower_bound(blanks.begin(), blanks.end(), offset) -
                                        blanks.begin());
  };
  const auto move = [&](ByteRange& range) { range = {moved(range.begin), moved(range.end)}; };
  // A name that is the text it covers stays that.
  const auto name_of = [&](const std::string& name, const ByteRange* covered) {
    if (covered != nullptr &&
        before.compare(covered->begin, covered->end - covered->begin, name) == 0) {
      return document.text.substr(moved(covered->begin),
                                  moved(covered->end) - moved(covered->begin));
    }
    return natural_spacing(name);
  };
  for (Entity& entity : document.entities) {
    entity.text = name_of(entity.text, entity.mentions.empty() ? nullptr : entity.mentions.data());
    for (size_t i = 0; i < entity.names.size(); ++i) {
      entity.names[i] = name_of(entity.names[i], &entity.mentions[i]);
    }
    for (ByteRange& mention : entity.mentions) move(mention);
  }
  for (ByteRange& sentence : document.sentences) move(sentence);
  for (Relation& relation : document.relations) {
    for (ByteRange& evidence : relation.evidence) move(evidence);
  }
  for (Event& event : document.events) {
    move(event.trigger);
    for (Argument& argument : event.arguments) move(argument.range);
  }
  const text::OffsetMap old_offsets(before);
  const text::OffsetMap new_offsets(document.text);
  move_meta(document.meta, old_offsets.code_points(), [&](size_t point) {
    return new_offsets.to_code_point(moved(old_offsets.to_byte(point)));
  });
  return document;
}

}  // namespace relata::data
