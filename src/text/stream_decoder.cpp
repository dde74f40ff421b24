#include "relata/text/tokenizer.h"
#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";
// A code point has at most four bytes, so more waiting tokens than this are no beginning of one.
constexpr size_t kMostWaiting = 8;
// As many last tokens may be bytes of a code point whose rest is to come.
constexpr size_t kMostOpen = 3;
// Tokens that are remembered: as many only where most have no text of their own.
constexpr size_t kMostGiven = 64;

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

// The text of the window's tokens [begin, end).
std::string StreamDecoder::decode(size_t begin, size_t end) const {
  const auto at = [this](size_t i) { return window_.begin() + static_cast<ptrdiff_t>(i); };
  return tokenizer_->decode({at(begin), at(end)}, skip_special_);
}

// What `text`, that of the first `count` tokens, adds to what is out; from now on all of it is. The
// last tokens stay in the window, because a token's text depends on whether another is before it:
// enough of them to have a text by themselves, which a space at the beginning has not.
std::string StreamDecoder::advance(const std::string& text, size_t count) {
  const auto at = [this](size_t i) { return window_.begin() + static_cast<ptrdiff_t>(i); };
  // Where bytes of no text were given out, `text` need not begin with them.
  size_t begin = std::min(given_text_.size(), text.size());
  while (begin < text.size() && is_continuation_byte(text[begin])) ++begin;
  std::string kept = decode(given_, count);
  if (!kept.empty()) {
    window_.erase(window_.begin(), at(given_));
    given_text_ = std::move(kept);
    given_ = count - given_;
  } else if (count > kMostGiven) {
    // The first one is what has a text.
    window_.erase(at(1), at(1 + count - kMostGiven));
    given_ = kMostGiven;
    given_text_ = decode(0, given_);
  } else {
    given_text_ = text;
    given_ = count;
  }
  return text.substr(begin);
}

// Tokens waited for long, so they are U+FFFD or bytes of no text; how many of them can be given
// out. Bytes of a whole code point decode to fewer U+FFFD than they do before the last of them
// came.
size_t StreamDecoder::whole_tokens() const {
  size_t best = window_.size() - kMostOpen;
  size_t shortest = decode(0, best).size();
  for (size_t count = best + 1; count <= window_.size(); ++count) {
    const size_t size = decode(0, count).size();
    if (size > shortest) continue;
    best = count;
    shortest = size;
  }
  return best;
}

std::string StreamDecoder::add(int32_t id) {
  window_.push_back(id);
  const std::string text = decode(0, window_.size());
  if (!text.ends_with(kReplacement)) return advance(text, window_.size());
  if (window_.size() - given_ < kMostWaiting) return "";
  const size_t count = whole_tokens();
  return advance(decode(0, count), count);
}

std::string StreamDecoder::finish() {
  std::string out = advance(decode(0, window_.size()), window_.size());
  window_.clear();
  given_text_.clear();
  given_ = 0;
  return out;
}

}  // namespace relata::text
