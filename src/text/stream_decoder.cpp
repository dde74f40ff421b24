#include "relata/text/tokenizer.h"

namespace relata::text {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";
// A code point has at most four bytes, so more waiting tokens than this are no beginning of one.
constexpr size_t kMostWaiting = 8;
// Tokens that are remembered: as many only where most have no text of their own.
constexpr size_t kMostGiven = 64;

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

// What `text`, that of the window, adds to what is out; from now on all of it is. The last tokens
// stay in the window, because a token's text depends on whether another is before it: enough of
// them to have a text by themselves, which a space at the beginning has not.
std::string StreamDecoder::advance(const std::string& text) {
  const auto at = [this](size_t i) { return window_.begin() + static_cast<ptrdiff_t>(i); };
  std::string out = text.substr(std::min(given_text_.size(), text.size()));
  std::string kept = tokenizer_->decode({at(given_), window_.end()}, skip_special_);
  if (!kept.empty()) {
    window_.erase(window_.begin(), at(given_));
    given_text_ = std::move(kept);
  } else if (window_.size() > kMostGiven) {
    // The first one is what has a text.
    window_.erase(at(1), at(1 + window_.size() - kMostGiven));
    given_text_ = tokenizer_->decode(window_, skip_special_);
  } else {
    given_text_ = text;
  }
  given_ = window_.size();
  return out;
}

std::string StreamDecoder::add(int32_t id) {
  window_.push_back(id);
  const std::string text = tokenizer_->decode(window_, skip_special_);
  if (text.ends_with(kReplacement) && window_.size() - given_ < kMostWaiting) return "";
  return advance(text);
}

std::string StreamDecoder::finish() {
  std::string out = advance(tokenizer_->decode(window_, skip_special_));
  window_.clear();
  given_text_.clear();
  given_ = 0;
  return out;
}

}  // namespace relata::text
