#include "distance.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

namespace relata::eval {
namespace {

constexpr std::array<int, 5> kLimits = {5, 10, 20, 50, 100};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int count_words(std::string_view text) {
  int words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = is_space(c);
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

int count_characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// U+3000 to U+9FFF are three bytes that begin with E3 to E9: kana and Han characters.
bool holds_han(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xE3 && byte <= 0xE9;
  });
}

}  // namespace

DistanceUnit distance_unit(const std::vector<data::Document>& documents) {
  const auto han =
      std::count_if(documents.begin(), documents.end(),
                    [](const data::Document& document) { return holds_han(document.text); });
  return 2 * static_cast<size_t>(han) > documents.size() ? DistanceUnit::kCharacters
                                                         : DistanceUnit::kTokens;
}

std::string unit_name(DistanceUnit unit) {
  return unit == DistanceUnit::kTokens ? "tokens" : "characters";
}

int distance_between(const std::string& text, const std::vector<text::ByteRange>& head,
                     const std::vector<text::ByteRange>& tail, DistanceUnit unit) {
  size_t nearest = std::numeric_limits<size_t>::max(), from = 0;
  for (const text::ByteRange& a : head) {
    for (const text::ByteRange& b : tail) {
      const size_t end = std::min(a.end, b.end), begin = std::max(a.begin, b.begin);
      if (begin > text.size()) continue;
      const size_t gap = begin > end ? begin - end : 0;
      if (gap < nearest) nearest = gap, from = std::min(end, begin);
    }
  }
  if (nearest == std::numeric_limits<size_t>::max()) return -1;
  const std::string_view between = std::string_view(text).substr(from, nearest);
  return unit == DistanceUnit::kTokens ? count_words(between) : count_characters(between);
}

int distance_bucket(int distance) {
  if (distance < 0) return static_cast<int>(bucket_names().size()) - 1;
  int passed = 0;
  for (const int limit : kLimits) passed += distance > limit;
  return passed;
}

const std::vector<std::string>& bucket_names() {
  static const std::vector<std::string> kNames = {"0-5",    "6-10",     "11-20",  "21-50",
                                                  "51-100", "over 100", "unknown"};
  return kNames;
}

void add_distance_table(const std::string& unit, const std::string& between,
                        const std::vector<Counts>& buckets, std::vector<CountTable>& tables) {
  CountTable table{unit + " between " + between, unit, {}};
  table.of_labels = false;
  bool known = false;
  for (size_t b = 0; b < buckets.size(); ++b) {
    if (buckets[b].gold + buckets[b].predicted == 0) continue;
    known = known || b + 1 < buckets.size();
    table.rows.push_back({bucket_names()[b], buckets[b]});
  }
  if (known) tables.push_back(std::move(table));
}

}  // namespace relata::eval
