#include "relata/text/tokenizer.h"

namespace relata::text {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";
// A code point has at most four bytes, so more waiting tokens than this are no beginning of one.
constexpr size_t kMostWaiting = 8;

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special) {}

// The text of what waits; from now on it is out. What went out before stays in the window, because
// a token's text depends on whether another is before it.
std::string StreamDecoder::advance(const std::string& text) {
  const std::string before = tokenizer_->decode(
      {window_.begin(), window_.begin() + static_cast<ptrdiff_t>(given_)}, skip_special_);
  std::string out = text.substr(std::min(before.size(), text.size()));
  if (!out.empty())
    window_.erase(window_.begin(), window_.begin() + static_cast<ptrdiff_t>(given_));
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
  given_ = 0;
  return out;
}

}  // namespace relata::text
