#include <unicode/uchar.h>

#include <algorithm>
#include <set>

#include "relata/eval/ruie.h"
#include "relata/text/utf8.h"

namespace relata::eval {
namespace {

std::string bracketed(const std::vector<std::string>& labels) {
  std::string out = "[";
  for (const std::string& label : labels) out += (out.size() == 1 ? "" : ", ") + label;
  return out + "]";
}

bool is_letter(char32_t c) { return u_isalpha(static_cast<UChar32>(c)) != 0; }
bool is_word(char32_t c) { return c == U'_' || u_isalnum(static_cast<UChar32>(c)) != 0; }

// Code points with the byte offset of each, and of the end.
struct Characters {
  explicit Characters(const std::string& text) : points(text::to_code_points(text)) {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
        offsets.push_back(i);
      }
    }
  }
  size_t index_of(size_t byte) const {
    return static_cast<size_t>(std::lower_bound(offsets.begin(), offsets.end(), byte) -
                               offsets.begin());
  }
  bool word_at(size_t index) const { return index < points.size() && is_word(points[index]); }
  bool boundary_at(size_t index) const {
    return (index > 0 && word_at(index - 1)) != word_at(index);
  }

  std::u32string points;
  std::vector<size_t> offsets;
};

bool stated_place_holds(const std::string& text, const Characters& characters,
                        const Keyword& keyword) {
  const text::ByteRange place = *keyword.place;
  if (place.begin >= place.end || place.end > text.size()) return false;
  if (text.compare(place.begin, place.end - place.begin, keyword.name) != 0) return false;
  const size_t after = characters.index_of(place.end);
  return after >= characters.points.size() || !is_letter(characters.points[after]);
}

std::optional<text::ByteRange> find_keyword(const std::string& text, const Characters& characters,
                                            const Keyword& keyword) {
  if (keyword.name.empty()) return std::nullopt;
  if (keyword.place && stated_place_holds(text, characters, keyword)) return keyword.place;
  for (size_t at = text.find(keyword.name); at != std::string::npos;
       at = text.find(keyword.name, at + 1)) {
    const size_t end = at + keyword.name.size();
    if (characters.boundary_at(characters.index_of(at)) &&
        characters.boundary_at(characters.index_of(end))) {
      return text::ByteRange{at, end};
    }
  }
  return std::nullopt;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string ruie_lower_case(std::string_view valid_utf8) {
  std::string out;
  for (const char32_t c : text::to_code_points(valid_utf8)) {
    text::append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
  }
  return out;
}

std::string ruie_task_code(RuieTask task) {
  static const char* const kCodes[] = {"ner", "re", "ed", "eae"};
  return kCodes[static_cast<int>(task)];
}

std::string ruie_task_name(RuieTask task) {
  static const char* const kNames[] = {"Named entity recognition", "Relation extraction",
                                       "Event detection", "Event argument extraction"};
  return kNames[static_cast<int>(task)];
}

std::string ruie_query(const RuieQuestion& question) {
  std::string schema = bracketed(question.labels);
  if (question.task == RuieTask::kEae) {
    schema = "Given event trigger: \"" + question.event_type + ": " + question.trigger +
             "\"; Candidate arguments: " + schema;
  }
  return "Task: " + ruie_task_name(question.task) + "\nSchema: " + schema + "\nInput: \"" +
         question.text + "\"\nOutput:";
}

std::string ruie_answer(const std::vector<RuieItem>& items) {
  if (items.empty()) return "None";
  std::string out;
  for (const RuieItem& item : items) {
    out += (out.empty() ? "" : "; ") + item.label + ": " + item.value;
  }
  return out;
}

std::string ruie_tagged(const std::string& text, const std::vector<Keyword>& keywords) {
  const Characters characters(text);
  std::set<std::pair<size_t, size_t>> found;
  for (const Keyword& keyword : keywords) {
    const auto place = find_keyword(text, characters, keyword);
    if (place) found.insert({place->begin, place->end});
  }
  std::vector<std::pair<size_t, size_t>> merged;
  for (const auto& [begin, end] : found) {
    if (!merged.empty() && begin < merged.back().second) {
      merged.back().second = std::max(merged.back().second, end);
    } else {
      merged.emplace_back(begin, end);
    }
  }
  std::string out;
  size_t done = 0;
  for (const auto& [begin, end] : merged) {
    out += text.substr(done, begin - done) + "<Keyword> " + text.substr(begin, end - begin) +
           " </Keyword>";
    done = end;
  }
  return out + text.substr(done);
}

std::string ruie_normalised(std::string_view valid_utf8) {
  static constexpr std::string_view kTight = ",:()._;'-", kSqueezed = ",.;";
  std::string straight(valid_utf8);
  replace_all(straight, "\xE2\x80\x99", "'");
  std::string out;
  bool space = false;
  for (const char c : straight) {
    if (is_space(c)) {
      space = true;
      continue;
    }
    const bool tight = kTight.find(c) != std::string_view::npos;
    if (space && !out.empty() && !tight && kTight.find(out.back()) == std::string_view::npos) {
      out += ' ';
    }
    space = false;
    if (c == '{' || c == '}') continue;
    if (!out.empty() && out.back() == c && kSqueezed.find(c) != std::string_view::npos) continue;
    out += c;
  }
  out = ruie_lower_case(out);
  replace_all(out, "location", "located");
  return out;
}

}  // namespace relata::eval
