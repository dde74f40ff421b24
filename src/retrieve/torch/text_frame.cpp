#include "text_frame.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace relata::retrieve {
namespace {

// Tokens of a pass: their states stay in a core's caches from one product to the next.
constexpr size_t kPassTokens = 2048;

}  // namespace

std::vector<int32_t> TextFrame::around(const std::vector<int32_t>& inner, size_t room) const {
  std::vector<int32_t> ids = before;
  ids.insert(ids.end(), inner.begin(),
             inner.begin() + static_cast<int64_t>(std::min(room, inner.size())));
  ids.insert(ids.end(), after.begin(), after.end());
  return ids;
}

Result<TextFrame> find_frame(const text::Tokenizer& tokenizer, const std::string& where) {
  const std::vector<int32_t> framed = tokenizer.encode_ids("a", true);
  const std::vector<int32_t> plain = tokenizer.encode_ids("a", false);
  const auto at = std::search(framed.begin(), framed.end(), plain.begin(), plain.end());
  if (plain.empty() || at == framed.end()) {
    return input_error(where + ": its tokenizer does not put special tokens around a text",
                       "use the tokenizer that belongs to the model");
  }
  return TextFrame{{framed.begin(), at}, {at + static_cast<int64_t>(plain.size()), framed.end()}};
}

void by_length(const std::vector<size_t>& lengths,
               const std::function<void(const std::vector<size_t>& batch)>& work) {
  std::vector<size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lengths[a] < lengths[b]; });
  std::vector<size_t> batch;
  size_t tokens = 0;
  for (const size_t i : order) {
    if (!batch.empty() && tokens + lengths[i] > kPassTokens) {
      work(batch);
      batch.clear();
      tokens = 0;
    }
    batch.push_back(i);
    tokens += lengths[i];
  }
  if (!batch.empty()) work(batch);
}

bool all_finite(std::span<const float> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace relata::retrieve
