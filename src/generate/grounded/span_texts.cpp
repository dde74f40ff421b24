#include "grounded/span_texts.h"

#include <algorithm>
#include <unordered_map>

#include "relata/text/utf8.h"

namespace relata::generate {
namespace {

template <class Visit>
void each_code_point(std::string_view text, const Visit& visit) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = text::code_point_length(text, at);
    visit(at, text.substr(at, length));
    at += length;
  }
}

// For each byte, where the first `follow` that begins there or later ends; past the text: none.
std::vector<size_t> follow_ends(std::string_view text, std::string_view follow) {
  std::vector<size_t> ends(text.size() + 1, text.size() + 1);
  if (follow.empty()) return ends;
  for (size_t at = text.size(); at-- > 0;) {
    ends[at] = text.substr(at).starts_with(follow) ? at + follow.size() : ends[at + 1];
  }
  return ends;
}

// Lengths k for which a span that ends with the first k bytes of `follow` would, with `follow`
// after it, hold it earlier than at its end.
std::vector<size_t> bad_ends(std::string_view follow) {
  std::vector<size_t> lengths;
  for (size_t k = 1; k < follow.size(); ++k) {
    std::string text(follow.substr(0, k));
    text += follow;
    if (text.find(follow) < k) lengths.push_back(k);
  }
  return lengths;
}

// True when something changed.
bool limit_ends(std::string_view text, std::string_view follow, std::vector<uint32_t>& longest) {
  bool changed = false;
  const std::vector<size_t> lengths = bad_ends(follow);
  for (size_t end = 1; end <= text.size(); ++end) {
    for (const size_t k : lengths) {
      if (k > end || text.substr(end - k, k) != follow.substr(0, k)) continue;
      changed = changed || longest[end] >= k;
      longest[end] = std::min(longest[end], static_cast<uint32_t>(k) - 1);
    }
  }
  return changed;
}

}  // namespace

SpanTexts::SpanTexts(std::string_view valid_utf8, const Options& options)
    : document_(valid_utf8),
      options_(options),
      marks_(mark_words(valid_utf8, options.whole_words)),
      longest_(valid_utf8.size() + 1) {
  for (size_t i = 0; i < longest_.size(); ++i) {
    longest_[i] = marks_.ends[i] != 0 ? TextTree::kAnyLength : 0;
  }
  line_breaks_.resize(document_.size() + 1);
  each_code_point(document_, [&](size_t at, std::string_view point) {
    line_breaks_[at] = is_line_break(text::to_code_points(point)[0]) ? 1 : 0;
  });
  plain_ = build(line_breaks_, longest_, "");
}

bool SpanTexts::add_unspelled(const VocabularyTrie& vocabulary,
                              std::vector<uint8_t>& breaks) const {
  if (vocabulary.has_all_bytes()) return false;
  bool changed = false;
  std::unordered_map<std::string_view, bool> known;
  each_code_point(document_, [&](size_t at, std::string_view point) {
    const auto [entry, fresh] = known.try_emplace(point, true);
    if (fresh) entry->second = vocabulary.spells(point);
    if (entry->second) return;
    changed = changed || breaks[at] == 0;
    breaks[at] = 1;
  });
  return changed;
}

std::shared_ptr<const TextTree> SpanTexts::tree(const VocabularyTrie& vocabulary,
                                                std::string_view follow) const {
  std::vector<uint8_t> breaks = line_breaks_;
  std::vector<uint32_t> longest = longest_;
  bool changed = add_unspelled(vocabulary, breaks);
  if (!follow.empty()) {
    changed = limit_ends(document_, follow, longest) || changed;
    changed = changed || document_.find(follow) != std::string::npos;
  }
  return changed ? build(breaks, longest, follow) : plain_;
}

std::shared_ptr<const TextTree> SpanTexts::build(const std::vector<uint8_t>& breaks,
                                                 const std::vector<uint32_t>& longest,
                                                 std::string_view follow) const {
  const std::vector<size_t> follows = follow_ends(document_, follow);
  const auto most = static_cast<size_t>(options_.max_bytes);
  std::vector<TextTree::Entry> entries;
  size_t next_break = document_.size();
  for (size_t begin = document_.size(); begin-- > 0;) {
    if (breaks[begin] != 0) next_break = begin;
    if (marks_.begins[begin] == 0) continue;
    size_t end = std::min({next_break, begin + most, follows[begin] - 1});
    while (end > begin && longest[end] < end - begin) --end;
    if (end == begin) continue;
    entries.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)});
  }
  return std::make_shared<TextTree>(document_, std::move(entries), longest);
}

Result<std::shared_ptr<const SpanSource>> make_span_source(std::string_view document,
                                                           const SpanSource::Options& options) {
  if (options.max_bytes < 1) {
    return usage_error("spans of at most " + std::to_string(options.max_bytes) + " bytes",
                       "allow at least one");
  }
  if (const auto bad = text::find_invalid_utf8(document)) {
    return input_error("byte " + std::to_string(*bad) + " of the document is not UTF-8",
                       "convert the document to UTF-8");
  }
  // The tree counts the bytes of all spans in 32 bits.
  const size_t longest = std::min(static_cast<size_t>(options.max_bytes), document.size());
  if (document.size() > UINT32_MAX / std::max<size_t>(longest, 1)) {
    return input_error("a document of " + std::to_string(document.size()) +
                           " bytes is too long for spans of up to " + std::to_string(longest),
                       "divide it into windows, or allow shorter spans");
  }
  return std::shared_ptr<const SpanSource>(std::make_shared<SpanTexts>(document, options));
}

}  // namespace relata::generate
