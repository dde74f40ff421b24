// Scanners for the regular expressions that most byte-level tokenizers share. A test compares them
// with ICU's engine on random text.
#include <array>
#include <functional>

#include "split_pattern.h"
#include "unicode/unicode_sets.h"

namespace relata::text {

const char* const kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

enum class Class : uint8_t { kLetter, kNumber, kSpace, kOther };

Class classify(char32_t c) {
  if (is_letter(c)) return Class::kLetter;
  if (is_number(c)) return Class::kNumber;
  return is_space(c) ? Class::kSpace : Class::kOther;
}

const std::array<Class, 128>& ascii_classes() {
  static const std::array<Class, 128> kClasses = [] {
    std::array<Class, 128> made{};
    for (char32_t c = 0; c < 128; ++c) made[c] = classify(c);
    return made;
  }();
  return kClasses;
}

class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text), ascii_(ascii_classes()) {}

  size_t size() const { return text_.size(); }
  char byte(size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  size_t length(size_t at) const { return code_point_at(text_, at).length; }
  Class at(size_t i) const {
    const auto byte = static_cast<uint8_t>(text_[i]);
    return byte < 0x80 ? ascii_[byte] : classify(code_point_at(text_, i).value);
  }
  bool is(Class wanted, size_t i) const { return i < text_.size() && at(i) == wanted; }
  bool line_end(size_t i) const { return i < size() && (text_[i] == '\r' || text_[i] == '\n'); }

  size_t skip(Class wanted, size_t i) const {
    while (is(wanted, i)) i += length(i);
    return i;
  }

  // 's 't 're 've 'm 'll 'd; the end of it, or `i`.
  size_t contraction(size_t i, bool any_case) const {
    if (byte(i) != '\'') return i;
    const auto lower = [&](size_t k) -> char {
      // U+017F, the long s, is an s in any case.
      if (any_case && text_.substr(std::min(k, size())).starts_with("\u017F")) return 's';
      const char c = byte(k);
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    const char first = lower(i + 1);
    if (first == 's') return i + 1 + length(i + 1);
    if (first == 't' || first == 'm' || first == 'd') return i + 2;
    const char second = lower(i + 2);
    const bool two =
        ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
    return two ? i + 3 : i;
  }

  // \s+(?!\S)|\s+ where white space starts.
  size_t spaces(size_t i) const {
    const size_t end = skip(Class::kSpace, i);
    if (end == size()) return end;
    const size_t last = code_point_start(text_, end);
    return last > i ? last : end;
  }

 private:
  std::string_view text_;
  const std::array<Class, 128>& ascii_;
};

size_t gpt2_end(const Scan& scan, size_t i) {
  if (const size_t end = scan.contraction(i, false); end > i) return end;
  const size_t body = scan.byte(i) == ' ' && i + 1 < scan.size() ? i + 1 : i;
  const Class kind = scan.at(body);
  if (kind != Class::kSpace) return scan.skip(kind, body);
  return scan.spaces(i);
}

// Llama-3's and Qwen's differ in how many digits make a token.
size_t modern_end(const Scan& scan, size_t i, int digits) {
  if (const size_t end = scan.contraction(i, true); end > i) return end;
  const Class kind = scan.at(i);
  if (kind == Class::kLetter) return scan.skip(Class::kLetter, i);
  const size_t next = i + scan.length(i);
  if (kind == Class::kNumber) {
    size_t end = next;
    for (int count = 1; count < digits && scan.is(Class::kNumber, end); ++count) {
      end += scan.length(end);
    }
    return end;
  }
  if (!scan.line_end(i) && scan.is(Class::kLetter, next)) return scan.skip(Class::kLetter, next);
  const size_t other = scan.byte(i) == ' ' ? next : i;
  if (scan.is(Class::kOther, other)) {
    size_t end = scan.skip(Class::kOther, other);
    while (scan.line_end(end)) ++end;
    return end;
  }
  // White space: up to and with the last line end in it, else as in GPT-2's.
  const size_t end = scan.skip(Class::kSpace, i);
  for (size_t k = end; k > i; --k) {
    if (scan.line_end(k - 1)) return k;
  }
  return scan.spaces(i);
}

template <size_t (*End)(const Scan&, size_t)>
class Scanner : public SplitPattern {
 public:
  void find(std::string_view text, std::vector<ByteRange>& matches) const override {
    const Scan scan(text);
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = End(scan, begin);
      matches.push_back({begin, end});
      begin = end;
    }
  }
};

size_t llama3_end(const Scan& scan, size_t i) { return modern_end(scan, i, 3); }
size_t qwen_end(const Scan& scan, size_t i) { return modern_end(scan, i, 1); }

}  // namespace

SplitPatternPtr scanner_for(std::string_view pattern) {
  if (pattern == kGpt2Pattern ||
      pattern == R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") {
    return std::make_unique<Scanner<gpt2_end>>();
  }
  if (pattern == kLlama3Pattern) return std::make_unique<Scanner<llama3_end>>();
  if (pattern == kQwenPattern) return std::make_unique<Scanner<qwen_end>>();
  return nullptr;
}

}  // namespace relata::text
