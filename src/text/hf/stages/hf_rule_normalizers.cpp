// Normalisers that go by rules for code points: BERT's, lower case, accents, SentencePiece's map.
#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <algorithm>
#include <stdexcept>

#include "hf/hf_components.h"
#include "sentencepiece/charsmap.h"
#include "tiktoken/base64.h"
#include "transform.h"
#include "unicode/unicode_forms.h"

namespace relata::text {
namespace {

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

template <class Keep>
void filter(AlignedText& text, AlignedText& spare, Keep keep) {
  spare.clear();
  size_t kept_from = 0;  // start of the run that is not copied yet
  bool changed = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text.text(), i);
    if (!keep(point.value)) {
      spare.append_slice(text, kept_from, i);
      kept_from = i + point.length;
      changed = true;
    }
    i += point.length;
  }
  if (!changed) return;
  spare.append_slice(text, kept_from, text.size());
  text.swap(spare);
}

char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

void to_lower(AlignedText& text, AlignedText& spare) {
  if (is_ascii(text.text())) return text.change_bytes(lower_ascii);
  spare.clear();
  std::string lower;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text.text(), i);
    lower.clear();
    append_lower(lower, point.value);
    spare.append(lower, text.origin(i, i + 1));
    i += point.length;
  }
  text.swap(spare);
}

class Lowercase : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& spare) const override { to_lower(text, spare); }
};

class StripAccents : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& spare) const override {
    filter(text, spare, [](char32_t c) { return !is_old_combining_mark(c); });
  }
};

// The rules of the nmt_nfkc map that are not NFKC.
class Nmt : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& spare) const override {
    filter(text, spare, [](char32_t c) { return !is_dropped(c); });
    spare.clear();
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text.text(), i);
      if (becomes_space(point.value)) {
        spare.append(" ", text.origin(i, i + 1));
      } else {
        spare.append_slice(text, i, i + point.length);
      }
      i += point.length;
    }
    text.swap(spare);
  }

 private:
  static bool is_dropped(char32_t c) {
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
  }
  static bool becomes_space(char32_t c) {
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
  }
};

struct BertOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};

class BertNormalizer : public Normalizer {
 public:
  explicit BertNormalizer(const BertOptions& options) : options_(options) {}

  void apply(AlignedText& text, AlignedText& spare) const override {
    if (is_ascii(text.text()) && !(options_.clean_text && has_control(text.text()))) {
      return text.change_bytes([this](char c) {
        if (options_.clean_text && (c == '\t' || c == '\n' || c == '\r')) return ' ';
        return options_.lowercase ? lower_ascii(c) : c;
      });
    }
    if (options_.clean_text) clean(text, spare);
    if (options_.handle_chinese_chars) set_apart_chinese(text, spare);
    if (options_.strip_accents) {
      to_unicode_form(UnicodeForm::kNfd, text, spare);
      filter(text, spare, [](char32_t c) { return !is_old_nonspacing_mark(c); });
    }
    if (options_.lowercase) to_lower(text, spare);
  }

 private:
  static bool is_tab_or_line_end(char32_t c) { return c == '\t' || c == '\n' || c == '\r'; }
  static bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
      return (c < ' ' || c == 0x7F) && !is_tab_or_line_end(static_cast<char32_t>(c));
    });
  }

  static void clean(AlignedText& text, AlignedText& spare) {
    filter(text, spare, [](char32_t c) {
      if (c == 0 || c == 0xFFFD) return false;
      return is_tab_or_line_end(c) || !is_old_other(c);
    });
    spare.clear();
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text.text(), i);
      if (is_space(point.value)) {
        spare.append(" ", text.origin(i, i + 1));
      } else {
        spare.append_slice(text, i, i + point.length);
      }
      i += point.length;
    }
    text.swap(spare);
  }

  // The blocks that BERT's own code names; their third one begins late, as in Hugging Face's.
  static bool is_chinese(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
           (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x2F800 && c <= 0x2FA1F);
  }

  static void set_apart_chinese(AlignedText& text, AlignedText& spare) {
    spare.clear();
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text.text(), i);
      const bool apart = is_chinese(point.value);
      const ByteRange origin = apart ? text.origin(i, i + 1) : ByteRange{};
      if (apart) spare.append(" ", origin);
      spare.append_slice(text, i, i + point.length);
      if (apart) spare.append(" ", origin);
      i += point.length;
    }
    text.swap(spare);
  }

  BertOptions options_;
};

// The starts of user-perceived characters after the first, in order.
class Graphemes {
 public:
  explicit Graphemes(std::string_view text) : size_(text.size()) {
    UErrorCode code = U_ZERO_ERROR;
    thread_local const std::unique_ptr<icu::BreakIterator> kShared(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), code));
    if (U_FAILURE(code) || kShared == nullptr) throw std::runtime_error("ICU: no break iterator");
    iterator_ = kShared.get();
    input_.adoptInstead(
        utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code));
    iterator_->setText(input_.getAlias(), code);
    if (U_FAILURE(code)) throw std::runtime_error(std::string("ICU: ") + u_errorName(code));
  }
  size_t end_after(size_t begin) {
    const int32_t end = iterator_->following(static_cast<int32_t>(begin));
    return end == icu::BreakIterator::DONE ? size_ : static_cast<size_t>(end);
  }

 private:
  size_t size_;
  icu::BreakIterator* iterator_;
  icu::LocalUTextPointer input_;
};

// SentencePiece's map, applied to whole user-perceived characters where they are short. The map is
// asked for the shortest rule, not the longest: it is how Hugging Face's tokenizers do it.
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(Charsmap map) : map_(std::move(map)) {}

  void apply(AlignedText& text, AlignedText& spare) const override {
    const std::string_view all = text.text();
    std::vector<Change> changes;
    std::optional<Graphemes> graphemes;
    bool modified = false;
    for (size_t begin = 0; begin < all.size();) {
      const size_t end = grapheme_end(all, begin, graphemes);
      modified = replace_grapheme(all.substr(begin, end - begin), changes) || modified;
      begin = end;
    }
    if (!modified) return;
    Transform transform(text, spare);
    for (const Change& change : changes) transform.put(change);
    text.swap(spare);
  }

 private:
  static constexpr size_t kShort = 6;  // bytes

  static size_t grapheme_end(std::string_view text, size_t begin,
                             std::optional<Graphemes>& graphemes) {
    const bool alone = (text[begin] & 0x80) == 0 && text[begin] != '\r' &&
                       (begin + 1 == text.size() || (text[begin + 1] & 0x80) == 0);
    if (alone) return begin + 1;
    if (!graphemes) graphemes.emplace(text);
    return graphemes->end_after(begin);
  }

  bool replace_grapheme(std::string_view grapheme, std::vector<Change>& changes) const {
    if (grapheme.size() < kShort && replace(grapheme, changes)) return true;
    bool modified = false;
    for (size_t i = 0; i < grapheme.size();) {
      const CodePoint point = code_point_at(grapheme, i);
      if (replace(grapheme.substr(i, point.length), changes)) {
        modified = true;
      } else {
        changes.push_back({point.value, 0});
      }
      i += point.length;
    }
    return modified;
  }

  bool replace(std::string_view old, std::vector<Change>& changes) const {
    const Charsmap::Match match = map_.shortest(old);
    if (match.length == 0) return false;
    const std::u32string points = to_code_points(replace_invalid_utf8(match.replacement));
    for (const char32_t point : points) changes.push_back({point, 0});
    const int more = static_cast<int>(points.size()) - static_cast<int>(count_code_points(old));
    for (int i = 0; i < more; ++i) changes[changes.size() - 1 - static_cast<size_t>(i)].change = 1;
    if (more < 0 && !changes.empty()) changes.back().change += more;
    return true;
  }

  Charsmap map_;
};

Result<NormalizerPtr> parse_bert(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  BertOptions options;
  options.clean_text = reader.boolean("clean_text", true);
  options.handle_chinese_chars = reader.boolean("handle_chinese_chars", true);
  options.lowercase = reader.boolean("lowercase", true);
  options.strip_accents = reader.boolean("strip_accents", options.lowercase);
  RELATA_CHECK(reader.status());
  return NormalizerPtr(std::make_unique<BertNormalizer>(options));
}

Result<NormalizerPtr> parse_precompiled(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const std::string text = reader.string("precompiled_charsmap", "");
  const auto blob = text.empty() ? std::optional<std::string>("") : decode_base64(text);
  if (!blob) reader.fail("\"precompiled_charsmap\" is not base 64");
  RELATA_CHECK(reader.status());
  RELATA_TRY(Charsmap map, Charsmap::parse(*blob, where));
  return NormalizerPtr(std::make_unique<Precompiled>(std::move(map)));
}

}  // namespace

Result<NormalizerPtr> parse_rule_normalizer(const std::string& type, const Node& node,
                                            const std::string& where) {
  if (type == "BertNormalizer") return parse_bert(node, where);
  if (type == "Precompiled") return parse_precompiled(node, where);
  if (type == "Lowercase") return NormalizerPtr(std::make_unique<Lowercase>());
  if (type == "StripAccents") return NormalizerPtr(std::make_unique<StripAccents>());
  if (type == "Nmt") return NormalizerPtr(std::make_unique<Nmt>());
  return NormalizerPtr(nullptr);
}

}  // namespace relata::text
