#include <unicode/regex.h>
#include <unicode/utext.h>

#include <algorithm>
#include <stdexcept>

#include "byte_level.h"
#include "hf_components.h"

namespace relata::text {
namespace {

// GPT-2's own split, which a ByteLevel component with "use_regex" stands for.
constexpr char kGpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct Part {
  size_t begin;
  size_t end;
  bool match;
};

// Rust and Oniguruma read \s as the Unicode property; ICU's own \s lacks a few of its members.
std::string unicode_spaces(const std::string& pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char next = pattern[i] == '\\' && i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (next == 's' || next == 'S') {
      out += next == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      ++i;
    } else if (next != '\0') {
      out += {pattern[i], next};
      ++i;
    } else {
      out += pattern[i];
    }
  }
  return out;
}

class Pattern {
 public:
  virtual ~Pattern() = default;
  virtual std::vector<ByteRange> find(const std::string& text) const = 0;
};

class LiteralPattern : public Pattern {
 public:
  explicit LiteralPattern(std::string text) : text_(std::move(text)) {}
  std::vector<ByteRange> find(const std::string& text) const override {
    std::vector<ByteRange> found;
    for (size_t at = text.find(text_); at != std::string::npos;
         at = text.find(text_, at + text_.size())) {
      found.push_back({at, at + text_.size()});
    }
    return found;
  }

 private:
  std::string text_;
};

void require(UErrorCode code) {
  if (U_FAILURE(code)) throw std::runtime_error(std::string("ICU: ") + u_errorName(code));
}

class RegexPattern : public Pattern {
 public:
  static Result<std::unique_ptr<Pattern>> compile(const std::string& pattern,
                                                  const std::string& where) {
    UErrorCode code = U_ZERO_ERROR;
    UParseError place;
    std::unique_ptr<icu::RegexPattern> compiled(icu::RegexPattern::compile(
        icu::UnicodeString::fromUTF8(unicode_spaces(pattern)), 0, place, code));
    if (U_FAILURE(code)) {
      return input_error(where + ": the regular expression is not usable: " + u_errorName(code));
    }
    return std::unique_ptr<Pattern>(new RegexPattern(std::move(compiled)));
  }

  std::vector<ByteRange> find(const std::string& text) const override {
    UErrorCode code = U_ZERO_ERROR;
    icu::LocalUTextPointer input(
        utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code));
    const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->matcher(code));
    require(code);
    matcher->setStackLimit(0, code);  // a run of a million spaces backtracks deeply
    matcher->reset(input.getAlias());
    std::vector<ByteRange> found;
    while (matcher->find(code) != 0) {
      const auto begin = static_cast<size_t>(matcher->start64(code));
      const auto end = static_cast<size_t>(matcher->end64(code));
      if (begin < end) found.push_back({begin, end});
    }
    require(code);
    return found;
  }

 private:
  explicit RegexPattern(std::unique_ptr<icu::RegexPattern> compiled)
      : compiled_(std::move(compiled)) {}
  std::unique_ptr<icu::RegexPattern> compiled_;
};

std::vector<Part> alternate(const std::vector<ByteRange>& matches, size_t size, bool invert) {
  std::vector<Part> parts;
  size_t begin = 0;
  for (const ByteRange& match : matches) {
    if (match.begin > begin) parts.push_back({begin, match.begin, invert});
    parts.push_back({match.begin, match.end, !invert});
    begin = match.end;
  }
  if (begin < size) parts.push_back({begin, size, invert});
  return parts;
}

std::vector<Part> merge_with_previous(const std::vector<Part>& parts) {
  std::vector<Part> out;
  bool after_match = false;
  for (const Part& part : parts) {
    if (part.match && !after_match && !out.empty()) {
      out.back().end = part.end;
    } else {
      out.push_back(part);
    }
    after_match = part.match;
  }
  return out;
}

std::vector<Part> merge_with_next(const std::vector<Part>& parts) {
  std::vector<Part> out;
  bool before_match = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->match && !before_match && !out.empty()) {
      out.back().begin = part->begin;
    } else {
      out.push_back(*part);
    }
    before_match = part->match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Part> merge_alike(const std::vector<Part>& parts) {
  std::vector<Part> out;
  for (const Part& part : parts) {
    if (!out.empty() && out.back().match == part.match) {
      out.back().end = part.end;
    } else {
      out.push_back(part);
    }
  }
  return out;
}

std::vector<Part> arrange(std::vector<Part> parts, Behavior behavior) {
  switch (behavior) {
    case Behavior::kRemoved:
      std::erase_if(parts, [](const Part& part) { return part.match; });
      return parts;
    case Behavior::kIsolated:
      return parts;
    case Behavior::kMergedWithPrevious:
      return merge_with_previous(parts);
    case Behavior::kMergedWithNext:
      return merge_with_next(parts);
    case Behavior::kContiguous:
      return merge_alike(parts);
  }
  throw std::logic_error("unknown split behaviour");
}

std::vector<AlignedText> split_text(const AlignedText& text, const Pattern& pattern,
                                    Behavior behavior, bool invert) {
  std::vector<AlignedText> pieces;
  const auto parts = alternate(pattern.find(text.text()), text.size(), invert);
  for (const Part& part : arrange(parts, behavior)) {
    pieces.push_back(text.slice(part.begin, part.end));
  }
  return pieces;
}

std::vector<AlignedText> one_piece(AlignedText text) {
  std::vector<AlignedText> pieces;
  if (!text.empty()) pieces.push_back(std::move(text));
  return pieces;
}

class WholeText : public PreTokenizer {
 public:
  std::vector<AlignedText> apply(AlignedText text) const override {
    return one_piece(std::move(text));
  }
};

class Split : public PreTokenizer {
 public:
  Split(std::unique_ptr<Pattern> pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  std::vector<AlignedText> apply(AlignedText text) const override {
    return split_text(text, *pattern_, behavior_, invert_);
  }

 private:
  std::unique_ptr<Pattern> pattern_;
  Behavior behavior_;
  bool invert_;
};

enum class PrependScheme { kNever, kFirst, kAlways };

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)),
        pattern_(replacement_),
        scheme_(scheme),
        split_(split) {}

  std::vector<AlignedText> apply(AlignedText text) const override {
    AlignedText out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.text()[i] == ' ') {
        out.append(replacement_, text.origin(i, i + 1));
      } else {
        out.append_slice(text, i, i + 1);
      }
    }
    if (wants_prefix(out)) out.prepend(replacement_);
    if (!split_) return one_piece(std::move(out));
    return split_text(out, pattern_, Behavior::kMergedWithNext, false);
  }

 private:
  bool wants_prefix(const AlignedText& text) const {
    if (text.empty() || text.text().starts_with(replacement_)) return false;
    if (scheme_ == PrependScheme::kFirst) return text.origin(0, 1).begin == 0;
    return scheme_ == PrependScheme::kAlways;
  }

  std::string replacement_;
  LiteralPattern pattern_;
  PrependScheme scheme_;
  bool split_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool prefix_space, std::unique_ptr<Pattern> pattern)
      : prefix_space_(prefix_space), pattern_(std::move(pattern)) {}

  std::vector<AlignedText> apply(AlignedText text) const override {
    if (prefix_space_ && !text.empty() && !text.text().starts_with(' ')) text.prepend(" ");
    std::vector<AlignedText> pieces = pattern_ == nullptr
                                          ? one_piece(std::move(text))
                                          : split_text(text, *pattern_, Behavior::kIsolated, false);
    for (auto& piece : pieces) piece = to_visible(piece);
    return pieces;
  }

 private:
  static AlignedText to_visible(const AlignedText& text) {
    AlignedText out;
    for (size_t i = 0; i < text.size(); ++i) {
      out.append(byte_to_visible(static_cast<uint8_t>(text.text()[i])), text.origin(i, i + 1));
    }
    return out;
  }

  bool prefix_space_;
  std::unique_ptr<Pattern> pattern_;  // null: no split
};

class Chain : public PreTokenizer {
 public:
  explicit Chain(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}
  std::vector<AlignedText> apply(AlignedText text) const override {
    std::vector<AlignedText> pieces = one_piece(std::move(text));
    for (const auto& step : steps_) {
      std::vector<AlignedText> next;
      for (auto& piece : pieces) {
        for (auto& part : step->apply(std::move(piece))) next.push_back(std::move(part));
      }
      pieces = std::move(next);
    }
    return pieces;
  }

 private:
  std::vector<PreTokenizerPtr> steps_;
};

Result<PreTokenizerPtr> parse_metaspace(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const std::string replacement = reader.string("replacement", "\u2581");
  // Files from before "prepend_scheme" say "add_prefix_space".
  const bool prefix = reader.boolean("add_prefix_space", true);
  const std::string scheme = reader.string("prepend_scheme", prefix ? "always" : "never");
  const bool split = reader.boolean("split", true);
  if (replacement.empty()) reader.fail("\"replacement\" is empty");
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    reader.fail("unknown prepend_scheme \"" + scheme + "\"");
  }
  RELATA_CHECK(reader.status());
  const PrependScheme value = scheme == "always"  ? PrependScheme::kAlways
                              : scheme == "first" ? PrependScheme::kFirst
                                                  : PrependScheme::kNever;
  return PreTokenizerPtr(std::make_unique<Metaspace>(replacement, value, split));
}

Result<PreTokenizerPtr> parse_byte_level(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const bool prefix_space = reader.boolean("add_prefix_space", true);
  const bool use_regex = reader.boolean("use_regex", true);
  RELATA_CHECK(reader.status());
  std::unique_ptr<Pattern> pattern;
  if (use_regex) {
    RELATA_TRY(pattern, RegexPattern::compile(kGpt2Pattern, where));
  }
  return PreTokenizerPtr(std::make_unique<ByteLevel>(prefix_space, std::move(pattern)));
}

Result<Behavior> parse_behavior(const std::string& name, const std::string& where) {
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  return unsupported_component(where + ".behavior", name);
}

Result<std::unique_ptr<Pattern>> parse_pattern(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const Node& pattern = reader.object("pattern");
  JsonReader inner(pattern, where + ".pattern");
  const std::string regex = inner.string("Regex", "");
  RELATA_CHECK(reader.status());
  RELATA_CHECK(inner.status());
  if (!regex.empty()) return RegexPattern::compile(regex, where + ".pattern");
  RELATA_TRY(std::string literal, literal_pattern(node, where));
  return std::unique_ptr<Pattern>(std::make_unique<LiteralPattern>(std::move(literal)));
}

Result<PreTokenizerPtr> parse_split(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const std::string name = reader.string("behavior", "");
  const bool invert = reader.boolean("invert", false);
  RELATA_CHECK(reader.status());
  RELATA_TRY(const Behavior behavior, parse_behavior(name, where));
  RELATA_TRY(auto pattern, parse_pattern(node, where));
  return PreTokenizerPtr(std::make_unique<Split>(std::move(pattern), behavior, invert));
}

Result<PreTokenizerPtr> parse(const Node& node, const std::string& where, int depth);

Result<PreTokenizerPtr> parse_chain(const Node& node, const std::string& where, int depth) {
  if (depth >= kDepthLimit) return input_error(where + ": sequences nested too deeply");
  JsonReader reader(node, where);
  std::vector<PreTokenizerPtr> steps;
  for (const Node& item : reader.array("pretokenizers")) {
    RELATA_TRY(PreTokenizerPtr step,
               parse(item, where + "[" + std::to_string(steps.size()) + "]", depth + 1));
    steps.push_back(std::move(step));
  }
  RELATA_CHECK(reader.status());
  return PreTokenizerPtr(std::make_unique<Chain>(std::move(steps)));
}

Result<PreTokenizerPtr> parse(const Node& node, const std::string& where, int depth) {
  if (node.is_null()) return PreTokenizerPtr(std::make_unique<WholeText>());
  RELATA_TRY(const std::string type, component_type(node, where));
  if (type == "Sequence") return parse_chain(node, where, depth);
  if (type == "Metaspace") return parse_metaspace(node, where);
  if (type == "ByteLevel") return parse_byte_level(node, where);
  if (type == "Split") return parse_split(node, where);
  return unsupported_component(where, type);
}

}  // namespace

Result<PreTokenizerPtr> parse_pre_tokenizer(const Node& node, const std::string& where) {
  return parse(node, where, 0);
}

}  // namespace relata::text
