#include "relata/text/sentences.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace relata::text {
namespace {

using Words = std::unordered_set<std::string_view>;

// Abbreviations in lower case without their last stop.
const Words& never_last() {  // a name or a number follows
  static const Words kWords = {
      "mr",   "mrs",    "ms",   "dr",  "prof", "gen",  "col", "lt",   "sgt",  "capt",   "cmdr",
      "adm",  "maj",    "sen",  "rep", "gov",  "rev",  "hon", "pres", "fr",   "messrs", "mme",
      "mlle", "supt",   "insp", "st",  "mt",   "ft",   "vs",  "e.g",  "i.e",  "cf",     "viz",
      "ca",   "approx", "eg",   "ie",  "resp", "brig", "cpl", "pvt",  "atty", "amb",    "asst"};
  return kWords;
}

const Words& numbered() {  // not last where a number or an initial follows
  static const Words kWords = {"no",   "nos", "p",    "pp",  "fig",  "figs", "vol", "vols", "sec",
                               "eq",   "eqs", "ch",   "art", "para", "tab",  "op",  "ref",  "refs",
                               "sect", "ver", "v",    "jan", "feb",  "mar",  "apr", "jun",  "jul",
                               "aug",  "sep", "sept", "oct", "nov",  "dec",  "ext", "lot",  "chap"};
  return kWords;
}

const Words& maybe_last() {  // last only before a word that begins sentences
  static const Words kWords = {
      "inc",  "corp", "co",   "ltd",   "llc",  "plc",  "jr",    "sr",    "bros", "etc",   "al",
      "u.s",  "u.k",  "u.n",  "e.u",   "a.m",  "p.m",  "d.c",   "u.s.a", "ph.d", "m.d",   "b.a",
      "m.a",  "b.sc", "m.sc", "n.y",   "l.a",  "dept", "univ",  "ave",   "blvd", "rd",    "est",
      "assn", "mfg",  "intl", "natl",  "govt", "min",  "max",   "sq",    "hr",   "hrs",   "wt",
      "s.a",  "n.v",  "a.g",  "s.p.a", "ed",   "eds",  "trans", "vols",  "mass", "calif", "conn",
      "ore",  "wash", "pa",   "va",    "ga",   "fla",  "ariz",  "colo",  "mich", "minn",  "tenn"};
  return kWords;
}

const Words& starters() {  // words that begin a sentence much more often than a name
  static const Words kWords = {
      "the",         "a",       "an",       "this",     "that",      "these",     "those",
      "it",          "he",      "she",      "they",     "we",        "i",         "you",
      "in",          "on",      "at",       "for",      "from",      "by",        "with",
      "after",       "before",  "but",      "and",      "or",        "so",        "as",
      "if",          "when",    "while",    "although", "however",   "his",       "her",
      "its",         "their",   "our",      "my",       "there",     "here",      "what",
      "who",         "why",     "how",      "where",    "which",     "to",        "also",
      "since",       "during",  "because",  "such",     "some",      "many",      "most",
      "all",         "no",      "not",      "one",      "two",       "then",      "thus",
      "once",        "both",    "each",     "other",    "another",   "more",      "under",
      "among",       "until",   "although", "despite",  "according", "meanwhile", "moreover",
      "furthermore", "finally", "later",    "today",    "now",       "even",      "only",
      "just"};
  return kWords;
}

constexpr char32_t kEnd = 0;  // behind the last character

bool is_han(char32_t c) {
  return (c >= 0x2E80 && c <= 0x2FDF) || (c >= 0x3040 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}
bool is_space(char32_t c) { return c != kEnd && u_isUWhiteSpace(static_cast<UChar32>(c)); }
bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_letter(char32_t c) { return u_isalpha(static_cast<UChar32>(c)) && !is_han(c); }
bool is_lower(char32_t c) { return u_islower(static_cast<UChar32>(c)); }
bool is_wide_stop(char32_t c) { return c == U'。' || c == U'！' || c == U'？' || c == U'｡'; }
bool is_stop(char32_t c) {
  return c == '.' || c == '!' || c == '?' || c == U'…' || is_wide_stop(c);
}
// Always closing; a straight quote is so only where one is open.
bool is_closer(char32_t c) {
  return std::u32string_view(U")]}”’»›」』）》】〉］｝").find(c) != std::u32string_view::npos;
}
bool is_opener(char32_t c) {
  return std::u32string_view(U"([{“‘«‹「『（《【〈［｛").find(c) != std::u32string_view::npos;
}
bool goes_on(char32_t c) {  // punctuation that cannot begin a sentence
  return std::u32string_view(U",;:，、；：").find(c) != std::u32string_view::npos;
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : chars_(to_code_points(text)) {
    starts_.reserve(chars_.size() + 1);
    size_t at = 0;
    for (const char32_t c : chars_) {
      starts_.push_back(at);
      at += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    starts_.push_back(at);
  }

  std::vector<ByteRange> run() {
    for (size_t at = 0; at < chars_.size();) {
      const char32_t c = chars_[at];
      if (c == '"') ++quotes_;
      if (c == '\n') {
        at = read_break(at);
      } else if (is_stop(c)) {
        at = read_stop(at);
      } else {
        ++at;
      }
    }
    close(chars_.size());
    return std::move(sentences_);
  }

 private:
  char32_t char_at(size_t at) const { return at < chars_.size() ? chars_[at] : kEnd; }
  size_t skip_space(size_t at) const {
    while (at < chars_.size() && is_space(chars_[at])) ++at;
    return at;
  }

  void close(size_t end) {
    size_t begin = skip_space(begin_);
    begin_ = end;
    quotes_ = 0;
    while (end > begin && is_space(chars_[end - 1])) --end;
    if (begin < end) sentences_.push_back({starts_[begin], starts_[end]});
  }

  size_t read_break(size_t at) {
    const size_t next = skip_space(at);
    const auto breaks = std::count(chars_.begin() + static_cast<std::ptrdiff_t>(at),
                                   chars_.begin() + static_cast<std::ptrdiff_t>(next), U'\n');
    const bool wide = (at > 0 && is_spaceless(chars_[at - 1])) && is_spaceless(char_at(next));
    if (breaks > 1 || wide) close(at);
    return next;
  }

  // Reads the stops at `at` and what closes behind them, ends the sentence there if it ends, and
  // returns where to go on.
  size_t read_stop(size_t at) {
    size_t end = at;
    while (is_stop(char_at(end))) ++end;
    const size_t stops_end = end;
    end = read_closers(end);
    if (ends_sentence(at, stops_end, end)) close(end);
    return end;
  }

  size_t read_closers(size_t end) {
    for (;;) {
      const size_t next = chars_.size() > end && is_space(chars_[end]) ? end + 1 : end;
      const char32_t c = char_at(next);
      // In tokenized text closing marks stand behind a space.
      if (is_closer(c) || (c == '\'' && char_at(next + 1) == '\'')) {
        end = next + (c == '\'' ? 2 : 1);
      } else if (c == '"' && quotes_ % 2 == 1) {
        end = next + 1;
        ++quotes_;
      } else {
        return end;
      }
    }
  }

  bool ends_sentence(size_t stop, size_t stops_end, size_t end) const {
    const size_t next = skip_space(end);
    const char32_t following = char_at(next);
    if (following == kEnd) return true;
    if (goes_on(following)) return false;
    const char32_t last = chars_[stops_end - 1];
    const char32_t before = stop > 0 ? chars_[stop - 1] : kEnd;
    if (is_wide_stop(last)) return true;
    if (last == U'…' && is_spaceless(before)) return stops_end - stop > 1;
    const bool between_wide = is_spaceless(before) && is_spaceless(following);
    if (next == end) return between_wide;  // "3.14", "example.com"
    if (between_wide) return true;
    if (is_lower(following)) return false;
    if (last == '.' && stops_end - stop == 1 && before != kEnd && !is_space(before)) {
      return !is_abbreviation(stop, next);
    }
    return true;
  }

  // Whether the stop belongs to the word before it; `next` is where the text goes on.
  bool is_abbreviation(size_t stop, size_t next) const {
    size_t begin = stop;
    while (begin > begin_ && (is_letter(chars_[begin - 1]) || is_digit(chars_[begin - 1]) ||
                              chars_[begin - 1] == '.')) {
      --begin;
    }
    if (begin == stop) return false;
    const std::string word = lower(begin, stop);
    const char32_t following = char_at(next);
    if (never_last().contains(word)) return true;
    if (numbered().contains(word) && (is_digit(following) || word.size() == 1)) return true;
    const bool digits = std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c); });
    if (digits) return skip_space(begin_) == begin;  // "1. First item"
    const bool initial = stop - begin == 1 && u_isupper(static_cast<UChar32>(chars_[begin]));
    const bool dotted = word.find('.') != std::string::npos && word.size() <= 8;
    if (!initial && !dotted && !maybe_last().contains(word)) return false;
    if (is_digit(following) && !initial) return dotted || word == "al" || word == "etc";
    return !starts_sentence(next);
  }

  bool starts_sentence(size_t next) const {
    while (next < chars_.size() && (chars_[next] == '"' || is_opener(chars_[next]))) ++next;
    size_t end = next;
    while (end < chars_.size() && is_letter(chars_[end])) ++end;
    return starters().contains(lower(next, end));
  }

  std::string lower(size_t begin, size_t end) const {
    std::string out;
    for (size_t i = begin; i < end; ++i) {
      append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(chars_[i]))));
    }
    return out;
  }

  std::u32string chars_;
  std::vector<size_t> starts_;  // byte offset of every character, then the text's size
  std::vector<ByteRange> sentences_;
  size_t begin_ = 0;   // of the sentence that is read
  size_t quotes_ = 0;  // straight ones in it
};

}  // namespace

std::vector<ByteRange> split_sentences(std::string_view valid_utf8) {
  return Splitter(valid_utf8).run();
}

}  // namespace relata::text
