#include "json_records.h"

#include <algorithm>

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kNone = std::string_view::npos;

std::string shown(JsonView value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  if (value.is_null()) return "null";
  if (value.is_bool()) return value.truth() ? "true" : "false";
  constexpr size_t kLongest = 40;
  std::string_view text = value.string().substr(0, kLongest);
  text = text.substr(0, text::find_invalid_utf8(text).value_or(text.size()));
  std::string out(text);
  if (text.size() < value.string().size()) out += "…";
  return value.is_number() ? out : "\"" + out + "\"";
}

// Case and the choice between '-' and '_' are not worth an edit.
char folded(char c) {
  if (c == '-') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Whether one insertion, deletion, substitution or swap of neighbours, or another case, makes `key`
// of `name`. Of three letters, half of all words differ in one.
bool is_slip(std::string_view name, std::string_view key) {
  constexpr size_t kShort = 3;
  const size_t size = std::min(name.size(), key.size());
  if (key.size() < kShort || std::max(name.size(), key.size()) > size + 1) return false;
  size_t same = 0;
  while (same < size && folded(name[same]) == folded(key[same])) ++same;
  const auto ends_alike = [&](size_t from_name, size_t from_key) {
    const std::string_view a = name.substr(from_name);
    const std::string_view b = key.substr(from_key);
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return folded(x) == folded(y); });
  };
  if (name.size() == key.size() + 1) return ends_alike(same + 1, same);
  if (key.size() == name.size() + 1) return key.size() > kShort && ends_alike(same, same + 1);
  if (same == size) return true;
  if (key.size() > kShort && ends_alike(same + 1, same + 1)) return true;
  return same + 1 < size && folded(name[same]) == folded(key[same + 1]) &&
         folded(name[same + 1]) == folded(key[same]) && ends_alike(same + 2, same + 2);
}

struct Place {
  size_t line = 1;
  size_t line_begin = 0;  // byte of the file
};

// Walks over the records of a file and counts its lines on the way.
class RecordWalk {
 public:
  RecordWalk(const Source& source, Intake& intake, const ReadRecord& read)
      : source_(source),
        intake_(intake),
        read_(read),
        text_(source.content),
        end_(text_.find_last_not_of(kSpace) + 1),
        at_{source.first_line, 0} {}

  Status run() {
    position_ = intake_.lost() ? next_line_of_record(0) : text_.find_first_not_of(kSpace);
    if (position_ == kNone) return {};
    listed_ = source_.first_line == 1 && text_[position_] == '[';  // a later part is no list
    if (listed_) return read_list();
    const Status status = read_sequence();
    intake_.set_lost(position_ == kNone);
    return status;
  }

 private:
  Status read_list() {
    ++position_;
    skip_space();
    if (position_ < text_.size() && text_[position_] == ']') return read_rest();
    while (position_ != kNone) {
      RELATA_CHECK(read_one());
      if (position_ == kNone) return {};
      skip_space();
      if (position_ >= text_.size()) return broken(position_, "the list is not closed");
      const char c = text_[position_];
      if (c == ']') return read_rest();
      if (c != ',') {
        RELATA_CHECK(broken(position_, "a comma or ] is missing between records" +
                                           odd_character_note(text_, position_)));
        position_ = skip_json_value(text_, position_);
        if (position_ == kNone || position_ >= text_.size() || text_[position_] == ']') return {};
      }
      ++position_;
    }
    return {};
  }

  Status read_rest() {
    ++position_;
    skip_space();
    if (position_ >= text_.size()) return {};
    return broken(position_, "text after the closing ]" + odd_character_note(text_, position_));
  }

  Status read_sequence() {
    while (position_ != kNone && position_ < text_.size()) {
      RELATA_CHECK(read_one());
      if (position_ != kNone) skip_space();
    }
    return {};
  }

  // Reads the record at position_ and leaves position_ behind it, or at npos if it cannot be told
  // where the next one begins.
  Status read_one() {
    skip_space();
    const size_t begin = position_;
    ++number_;
    const Place place = place_of(begin);
    const auto problem = parser_.parse(text_, begin);
    if (problem) {
      RELATA_CHECK(broken(problem->offset, problem->what));
      position_ = next_record(begin, place, problem->offset);
      return {};
    }
    position_ = parser_.end();
    const std::string_view bytes = text_.substr(begin, position_ - begin);
    if (const auto bad = text::find_invalid_utf8(bytes)) {
      const Place bad_place = place_of(begin + *bad);
      return intake_.reject(
          utf8_error(source_, begin + *bad, bad_place.line, bad_place.line_begin));
    }
    const JsonRecord record(source_, parser_.root(), number_, place.line, listed_);
    const Status status = read_(record);
    return status.ok() ? status : intake_.reject(status.error());
  }

  // None of this looks at more than the record and what is left out with it, so that a file of
  // nothing but broken records takes no longer than one of good ones.
  size_t next_record(size_t begin, const Place& place, size_t problem) {
    if (listed_) {
      const size_t twin = comma_before_twin(begin, place, problem);
      const std::string_view before_twin = text_.substr(0, twin);
      size_t end = skip_json_value(before_twin, begin);
      if (end != kNone && end <= problem) end = skip_json_value(before_twin, problem);
      return std::min(end, twin);
    }
    return next_line_of_record(begin + 1);
  }

  // The first line that begins like a record and not before `from`; npos if there is none.
  size_t next_line_of_record(size_t from) const {
    if (from == 0 && text_.starts_with('{')) return 0;
    for (size_t newline = text_.find('\n', from > 0 ? from - 1 : 0); newline != kNone;
         newline = text_.find('\n', newline + 1)) {
      if (text_.substr(newline + 1, 1) == "{") return newline + 1;
    }
    return kNone;
  }

  // The comma behind which, on a line of its own, a record begins as far from the left as the one
  // at `begin`; npos if there is none behind `problem`.
  size_t comma_before_twin(size_t begin, const Place& place, size_t problem) {
    if (place.line == 1) return kNone;
    const std::string_view indent = text_.substr(place.line_begin, begin - place.line_begin);
    if (!is_blank(indent) || indent == twinless_indent_) return kNone;
    for (size_t newline = text_.find('\n', problem); newline != kNone;
         newline = text_.find('\n', newline + 1)) {
      const std::string_view next = text_.substr(newline + 1, indent.size() + 1);
      if (!next.starts_with(indent) || !next.ends_with('{')) continue;
      const size_t comma = text_.find_last_not_of(kSpace, newline);
      if (comma > begin && text_[comma] == ',') return comma;
    }
    twinless_indent_ = indent;
    return kNone;
  }

  Status broken(size_t offset, const std::string& what) {
    // What is missing at the end is missing behind the last character, not lines below it.
    offset = std::min(offset, end_);
    const Place place = place_of(offset);
    std::string where =
        source_.at(place.line) + ":" + std::to_string(offset - place.line_begin + 1) + ": ";
    if (listed_) where += "record " + std::to_string(number_) + ": ";
    return intake_.reject(input_error(where + "broken JSON: " + what,
                                      "mend the file there, or leave the record out with "
                                      "--on-error skip"));
  }

  Place place_of(size_t offset) {
    offset = std::min(offset, text_.size());
    if (offset >= counted_) {
      const std::string_view passed = text_.substr(counted_, offset - counted_);
      at_.line += static_cast<size_t>(std::count(passed.begin(), passed.end(), '\n'));
      const size_t newline = passed.rfind('\n');
      if (newline != kNone) at_.line_begin = counted_ + newline + 1;
      counted_ = offset;
      return at_;
    }
    const std::string_view back = text_.substr(offset, counted_ - offset);
    const auto lines = static_cast<size_t>(std::count(back.begin(), back.end(), '\n'));
    if (lines == 0) return at_;
    const size_t newline = offset == 0 ? kNone : text_.rfind('\n', offset - 1);
    return {at_.line - lines, newline == kNone ? 0 : newline + 1};
  }

  void skip_space() {
    position_ = std::min(text_.find_first_not_of(kSpace, position_), text_.size());
  }

  const Source& source_;
  Intake& intake_;
  const ReadRecord& read_;
  std::string_view text_;
  JsonParser parser_;
  size_t position_ = 0;
  size_t number_ = 0;
  size_t end_;          // behind the last character that is not white space
  size_t counted_ = 0;  // at_ is the place of this byte
  Place at_;
  std::optional<std::string_view> twinless_indent_;  // no record begins a line so any more
  bool listed_ = false;
};

}  // namespace

std::string JsonRecord::where() const {
  return source_.at(line_) + (listed_ ? ": record " + std::to_string(number_) : "");
}

Error JsonRecord::fail(JsonView field, std::string_view problem, std::string hint) const {
  std::string path = root_.path_to(field);
  if (path.empty()) path = "the record";
  const size_t begin = root_.offset();
  const std::string_view before = source_.content.substr(begin, field.offset() - begin);
  std::string message =
      source_.at(line_ + static_cast<size_t>(std::count(before.begin(), before.end(), '\n')));
  if (listed_) message += ": record " + std::to_string(number_);
  message.append(": ").append(path).append(" ").append(problem);
  return input_error(std::move(message), std::move(hint));
}

Error JsonRecord::missing(JsonView object, std::string_view key, std::string_view type) const {
  if (!object.is_object()) return fail(object, "is " + shown(object) + ", not an object");
  const JsonView value = object.find(key);
  if (!value) return fail(object, "has no \"" + std::string(key) + "\"");
  return fail(value, "is " + shown(value) + ", not " + std::string(type));
}

Result<JsonView> JsonRecord::get(JsonView object, std::string_view key) const {
  const JsonView value = object.find(key);
  if (!value) return missing(object, key, "");
  return value;
}

Result<std::string_view> JsonRecord::get_text(JsonView object, std::string_view key) const {
  const JsonView value = object.find(key);
  if (!value.is_string()) return missing(object, key, "text");
  return value.string();
}

Result<JsonView> JsonRecord::get_list(JsonView object, std::string_view key) const {
  const JsonView value = object.find(key);
  if (!value.is_array()) return missing(object, key, "a list");
  return value;
}

Result<JsonView> JsonRecord::get_object(JsonView object, std::string_view key) const {
  const JsonView value = object.find(key);
  if (!value.is_object()) return missing(object, key, "an object");
  return value;
}

Result<size_t> JsonRecord::get_index(JsonView object, std::string_view key, size_t limit) const {
  const JsonView value = object.find(key);
  if (!value.is_number()) return missing(object, key, "a whole number");
  return as_index(value, limit);
}

Result<JsonView> JsonRecord::find(JsonView object, std::string_view key, Names others) const {
  const JsonView value = object.find(key);
  if (value || !object.is_object()) return value;
  std::string_view slip;
  object.each_member([&](std::string_view name, JsonView) {
    const bool other = std::find(others.begin(), others.end(), name) != others.end();
    if (slip.empty() && !other && is_slip(name, key)) slip = name;
  });
  if (slip.empty()) return value;
  return fail(object,
              "has the unknown member \"" + std::string(slip) + "\"; did you mean \"" +
                  std::string(key) + "\"?",
              "correct the name, or take the member out");
}

Result<JsonView> JsonRecord::find_list(JsonView object, std::string_view key, Names others) const {
  RELATA_TRY(const JsonView value, find(object, key, others));
  if (!value || value.is_null()) return JsonView();
  if (!value.is_array()) return missing(object, key, "a list");
  return value;
}

Result<std::string_view> JsonRecord::find_text(JsonView object, std::string_view key) const {
  RELATA_TRY(const JsonView value, find(object, key));
  if (!value || value.is_null()) return std::string_view();
  return as_text(value);
}

Result<std::string_view> JsonRecord::as_text(JsonView value) const {
  if (!value.is_string()) return fail(value, "is " + shown(value) + ", not text");
  return value.string();
}

Result<size_t> JsonRecord::as_index(JsonView value, size_t limit) const {
  const auto index = value.integer();
  if (!index) return fail(value, "is " + shown(value) + ", not a whole number");
  if (*index < 0 || static_cast<uint64_t>(*index) >= limit) {
    return fail(value, "is " + std::to_string(*index) +
                           (limit == 0 ? ", where nothing can be counted"
                                       : ", not in 0 to " + std::to_string(limit - 1)));
  }
  return static_cast<size_t>(*index);
}

Status JsonRecord::check_list(JsonView value, size_t size) const {
  if (value.is_array() && value.size() == size) return {};
  return fail(value, "is not a list of " + std::to_string(size));
}

Status JsonRecord::check_object(JsonView value) const {
  if (value.is_object()) return {};
  return fail(value, "is " + shown(value) + ", not an object");
}

Result<std::string> JsonRecord::as_id(JsonView value) const {
  if (value.is_string() || value.is_number()) return std::string(value.string());
  return fail(value, "is " + shown(value) + ", not text or a number");
}

Status read_json_records(const Source& source, Intake& intake, const ReadRecord& read) {
  return RecordWalk(source, intake, read).run();
}

Status read_json_value(const Source& source, const ReadRecord& read) {
  RELATA_CHECK(check_utf8(source.content, source));
  JsonParser parser;
  auto problem = parser.parse(source.content, 0);
  if (!problem) {
    const size_t rest = source.content.find_first_not_of(kSpace, parser.end());
    if (rest == kNone) {
      const size_t begin = parser.root().offset();
      const std::string_view before = source.content.substr(0, begin);
      const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
      return read(JsonRecord(source, parser.root(), 1, line, false));
    }
    problem = JsonProblem{
        rest, "text after the end of the value" + odd_character_note(source.content, rest)};
  }
  const std::string_view before = source.content.substr(0, problem->offset);
  const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t newline = before.rfind('\n');
  const size_t column = newline == kNone ? before.size() : before.size() - newline - 1;
  return input_error(
      source.at(line) + ":" + std::to_string(column + 1) + ": broken JSON: " + problem->what,
      "mend the file there");
}

}  // namespace relata::data
