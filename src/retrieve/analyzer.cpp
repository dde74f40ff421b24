#include "relata/retrieve/analyzer.h"

#include <libstemmer.h>
#include <unicode/brkiter.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <memory>
#include <stdexcept>
#include <unordered_set>

#include "comparable_text.h"
#include "icu_check.h"

namespace relata::retrieve {
namespace {

// Words that stand in most English sentences and say nothing of their matter.
bool is_stop_word(const std::string& word) {
  static const std::unordered_set<std::string_view> kWords = {
      "a",    "an",    "the",  "this",  "that", "these", "those", "and",  "or",    "but",  "nor",
      "of",   "in",    "on",   "at",    "to",   "by",    "for",   "from", "with",  "as",   "into",
      "than", "then",  "so",   "if",    "is",   "are",   "was",   "were", "be",    "been", "being",
      "am",   "has",   "have", "had",   "do",   "does",  "did",   "will", "would", "can",  "could",
      "may",  "might", "it",   "its",   "he",   "him",   "his",   "she",  "her",   "hers", "they",
      "them", "their", "we",   "us",    "our",  "you",   "your",  "i",    "me",    "my",   "who",
      "whom", "which", "what", "there", "here", "not",   "no",    "also", "such"};
  return kWords.contains(word);
}

// Snowball knows the straight apostrophe only.
std::string with_straight_apostrophes(std::string text) {
  constexpr std::string_view kApostrophe = "\u2019";
  for (size_t at = text.find(kApostrophe); at != text.npos; at = text.find(kApostrophe, at)) {
    text.replace(at, kApostrophe.size(), "'");
  }
  return text;
}

bool is_dense(UChar32 c) {  // of a script that writes no spaces, and is searched by bigrams
  UErrorCode code = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(c, &code);
  return U_SUCCESS(code) &&
         (script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA);
}

class Terms {
 public:
  explicit Terms(Analyzer analyzer)
      : by_bigrams_(analyzer != Analyzer::English),
        english_(analyzer != Analyzer::Chinese),
        words_(new_word_breaks()),
        stemmer_(english_ ? sb_stemmer_new("english", "UTF_8") : nullptr, sb_stemmer_delete) {
    if (english_ && !stemmer_) throw std::runtime_error("libstemmer has no English stemmer");
  }

  std::vector<std::string> run(const std::string& text) {
    if (!by_bigrams_) {
      add_words(text);
      return std::move(terms_);
    }
    // Runs of one kind: [begin, at) is the run that is open.
    size_t begin = 0;
    bool dense = false;
    std::vector<size_t> starts;  // of the characters of a dense run
    const auto close = [&](size_t end) {
      const std::string_view run = std::string_view(text).substr(begin, end - begin);
      if (dense) {
        add_bigrams(text, starts, end);
      } else {
        add_words(run);
      }
      starts.clear();
      begin = end;
    };
    const auto size = static_cast<int32_t>(text.size());
    for (int32_t at = 0; at < size;) {
      const int32_t start = at;
      UChar32 c = 0;
      U8_NEXT(text.data(), at, size, c);
      const bool now = c >= 0 && is_dense(c);
      if (now != dense) {
        close(static_cast<size_t>(start));
        dense = now;
      }
      if (dense) starts.push_back(static_cast<size_t>(start));
    }
    close(text.size());
    return std::move(terms_);
  }

 private:
  // Making one reads rules; copies are cheap, and each thread needs its own.
  static std::unique_ptr<icu::BreakIterator> new_word_breaks() {
    static const std::unique_ptr<icu::BreakIterator> kFirst = [] {
      UErrorCode code = U_ZERO_ERROR;
      std::unique_ptr<icu::BreakIterator> out(
          icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), code));
      require_icu(code, "load its rules for words");
      return out;
    }();
    return std::unique_ptr<icu::BreakIterator>(kFirst->clone());
  }

  void add_bigrams(const std::string& text, const std::vector<size_t>& starts, size_t end) {
    for (size_t i = 0; i + 1 < starts.size(); ++i) {
      const size_t stop = i + 2 < starts.size() ? starts[i + 2] : end;
      terms_.push_back(text.substr(starts[i], stop - starts[i]));
    }
    if (starts.size() == 1) terms_.push_back(text.substr(starts[0], end - starts[0]));
  }

  void add_words(std::string_view run) {
    if (run.empty()) return;
    UErrorCode code = U_ZERO_ERROR;
    UText view = UTEXT_INITIALIZER;
    utext_openUTF8(&view, run.data(), static_cast<int64_t>(run.size()), &code);
    words_->setText(&view, code);
    require_icu(code, "break a text into words");
    int32_t begin = words_->first();
    for (int32_t end = words_->next(); end != icu::BreakIterator::DONE; end = words_->next()) {
      if (words_->getRuleStatus() >= UBRK_WORD_NONE_LIMIT) {
        add_word(
            std::string(run.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
      }
      begin = end;
    }
    utext_close(&view);
  }

  void add_word(std::string word) {
    if (english_) {
      if (is_stop_word(word)) return;
      const auto* letters = reinterpret_cast<const sb_symbol*>(word.data());
      const sb_symbol* stem =
          sb_stemmer_stem(stemmer_.get(), letters, static_cast<int>(word.size()));
      if (stem == nullptr) throw std::bad_alloc();
      word.assign(reinterpret_cast<const char*>(stem),
                  static_cast<size_t>(sb_stemmer_length(stemmer_.get())));
    }
    if (!word.empty()) terms_.push_back(std::move(word));
  }

  bool by_bigrams_;
  bool english_;
  std::unique_ptr<icu::BreakIterator> words_;
  std::unique_ptr<sb_stemmer, void (*)(sb_stemmer*)> stemmer_;
  std::vector<std::string> terms_;
};

}  // namespace

std::string analyzer_name(Analyzer analyzer) {
  switch (analyzer) {
    case Analyzer::Auto:
      return "auto";
    case Analyzer::English:
      return "en";
    case Analyzer::Chinese:
      return "zh";
  }
  throw std::logic_error("no such analyzer");
}

std::optional<Analyzer> analyzer_of_name(std::string_view name) {
  for (const Analyzer analyzer : {Analyzer::Auto, Analyzer::English, Analyzer::Chinese}) {
    if (analyzer_name(analyzer) == name) return analyzer;
  }
  return std::nullopt;
}

std::vector<std::string> analyze(Analyzer analyzer, std::string_view text) {
  return Terms(analyzer).run(with_straight_apostrophes(comparable_text(text)));
}

}  // namespace relata::retrieve
