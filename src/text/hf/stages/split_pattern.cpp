#include "split_pattern.h"

#include <unicode/regex.h>
#include <unicode/utext.h>

#include <algorithm>
#include <stdexcept>

#include "relata/base/input_failure.h"
#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

class LiteralPattern : public SplitPattern {
 public:
  explicit LiteralPattern(std::string text) : text_(std::move(text)) {}
  void find(std::string_view text, std::vector<ByteRange>& matches) const override {
    for (size_t at = text.find(text_); at != std::string_view::npos;
         at = text.find(text_, at + text_.size())) {
      matches.push_back({at, at + text_.size()});
    }
  }

 private:
  std::string text_;
};

// ICU's own \s lacks a few code points, and its letters and numbers may be of an older Unicode.
std::string icu_dialect(const std::string& pattern) {
  std::string out;
  int set_depth = 0;
  const auto add = [&](const std::string& members) {
    out += set_depth > 0 ? members : "[" + members + "]";
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = std::string_view(pattern).substr(i);
    if (rest.starts_with("\\s") || rest.starts_with("\\S")) {
      out += rest[1] == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      ++i;
    } else if (rest.starts_with("\\p{L}") || rest.starts_with("\\p{N}")) {
      add(rest[3] == 'L' ? "\\p{L}" + newer_letters() : "\\p{N}" + newer_numbers());
      i += 4;
    } else if (rest[0] == '\\' && rest.size() > 1) {
      out += rest.substr(0, 2);
      ++i;
    } else {
      set_depth += rest[0] == '[' ? 1 : rest[0] == ']' ? -1 : 0;
      out += rest[0];
    }
  }
  return out;
}

void require(UErrorCode code) {
  if (U_FAILURE(code)) throw std::runtime_error(std::string("ICU: ") + u_errorName(code));
}

// An expression of a file may take time or memory without end: limits that grow with the text, far
// above what published expressions need. Time is counted in ICU's own units of 10,000 steps.
int32_t time_limit(size_t bytes) {
  return static_cast<int32_t>(std::min<size_t>(1000 + bytes / 50, 1U << 30));
}
int32_t memory_limit(size_t bytes) {
  return static_cast<int32_t>(std::min<size_t>((size_t{1} << 26) + 512 * bytes, 1U << 30));
}

class RegexPattern : public SplitPattern {
 public:
  RegexPattern(std::unique_ptr<icu::RegexPattern> compiled, std::string where)
      : compiled_(std::move(compiled)), where_(std::move(where)) {}

  void find(std::string_view text, std::vector<ByteRange>& matches) const override {
    UErrorCode code = U_ZERO_ERROR;
    icu::LocalUTextPointer input(
        utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code));
    const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->matcher(code));
    require(code);
    matcher->setStackLimit(memory_limit(text.size()), code);
    matcher->setTimeLimit(time_limit(text.size()), code);
    matcher->reset(input.getAlias());
    while (matcher->find(code) != 0) {
      const auto begin = static_cast<size_t>(matcher->start64(code));
      const auto end = static_cast<size_t>(matcher->end64(code));
      if (begin < end) matches.push_back({begin, end});
    }
    if (code == U_REGEX_TIME_OUT || code == U_REGEX_STACK_OVERFLOW) {
      throw InputFailure(where_ + ": the regular expression does not come to an end on a text of " +
                         std::to_string(text.size()) + " bytes");
    }
    require(code);
  }

 private:
  std::unique_ptr<icu::RegexPattern> compiled_;
  std::string where_;
};

template <bool (*Is)(char32_t)>
class PointPattern : public SplitPattern {
 public:
  void find(std::string_view text, std::vector<ByteRange>& matches) const override {
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text, i);
      if (Is(point.value)) matches.push_back({i, i + point.length});
      i += point.length;
    }
  }
};

class WordPattern : public SplitPattern {
 public:
  void find(std::string_view text, std::vector<ByteRange>& matches) const override {
    Kind last = Kind::kSpace;
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text, i);
      const Kind kind = kind_of(point.value);
      if (kind != Kind::kSpace) {
        if (kind != last) matches.push_back({i, i});
        matches.back().end = i + point.length;
      }
      last = kind;
      i += point.length;
    }
  }

 private:
  enum class Kind { kWord, kSpace, kOther };
  static Kind kind_of(char32_t c) {
    if (is_word(c)) return Kind::kWord;
    return is_space(c) ? Kind::kSpace : Kind::kOther;
  }
};

}  // namespace

SplitPatternPtr space_pattern() { return std::make_unique<PointPattern<is_space>>(); }
SplitPatternPtr digit_pattern() { return std::make_unique<PointPattern<is_numeric>>(); }
SplitPatternPtr punctuation_pattern() {
  return std::make_unique<PointPattern<is_old_punctuation>>();
}
SplitPatternPtr word_pattern() { return std::make_unique<WordPattern>(); }

SplitPatternPtr literal_pattern(std::string text) {
  return std::make_unique<LiteralPattern>(std::move(text));
}

Result<SplitPatternPtr> icu_pattern(const std::string& pattern, const std::string& where) {
  UErrorCode code = U_ZERO_ERROR;
  UParseError place;
  std::unique_ptr<icu::RegexPattern> compiled(icu::RegexPattern::compile(
      icu::UnicodeString::fromUTF8(icu_dialect(pattern)), 0, place, code));
  if (U_FAILURE(code)) {
    return input_error(where + ": the regular expression is not usable: " + u_errorName(code));
  }
  return SplitPatternPtr(std::make_unique<RegexPattern>(std::move(compiled), where));
}

Result<SplitPatternPtr> regex_pattern(const std::string& pattern, const std::string& where) {
  if (SplitPatternPtr scanner = scanner_for(pattern)) return scanner;
  return icu_pattern(pattern, where);
}

Result<SplitPatternPtr> parse_pattern(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const Node& pattern = reader.object("pattern");
  RELATA_CHECK(reader.status());
  JsonReader inner(pattern, where + ".pattern");
  const std::string regex = inner.string("Regex", "");
  const std::string text = inner.string("String", "");
  if (regex.empty() == text.empty()) inner.fail("a \"String\" or a \"Regex\" is wanted");
  RELATA_CHECK(inner.status());
  if (regex.empty()) return literal_pattern(text);
  return regex_pattern(regex, where + ".pattern");
}

}  // namespace relata::text
