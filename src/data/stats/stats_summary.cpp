#include "stats_summary.h"

#include <algorithm>

namespace relata::data {
namespace {

constexpr size_t kBins = 24;

size_t quantile(const std::vector<size_t>& sorted, size_t percent) {
  return sorted[(sorted.size() - 1) * percent / 100];
}

// 1, 2 or 5 times a power of ten, so large that `kBins` bins reach `most`.
size_t bin_width(size_t most) {
  for (size_t power = 1;; power *= 10) {
    for (const size_t factor : {1, 2, 5}) {
      if (factor * power * kBins > most) return factor * power;
    }
  }
}

Json histogram(const std::vector<size_t>& sorted) {
  const size_t width = bin_width(quantile(sorted, 99));
  const size_t first = sorted.front() / width;
  const size_t last = std::min(sorted.back() / width, first + kBins - 1);
  std::vector<size_t> counts(last - first + 1, 0);
  for (const size_t value : sorted) ++counts[std::min(value / width, last) - first];
  Json bins = Json::array();
  for (size_t i = 0; i < counts.size(); ++i) {
    const size_t begin = (first + i) * width;
    const size_t end =
        i + 1 == counts.size() ? std::max(begin + width, sorted.back() + 1) : begin + width;
    bins.push_back({begin, end, counts[i]});
  }
  return bins;
}

}  // namespace

Json by_frequency(const LabelCounts& counts) {
  std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Json table = Json::object();
  for (const auto& [name, count] : sorted) table[name] = count;
  return table;
}

Json summarize(std::vector<size_t> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const size_t value : values) sum += static_cast<double>(value);
  return {{"min", values.front()},       {"mean", sum / static_cast<double>(values.size())},
          {"p25", quantile(values, 25)}, {"median", values[values.size() / 2]},
          {"p75", quantile(values, 75)}, {"p95", quantile(values, 95)},
          {"max", values.back()},        {"histogram", histogram(values)}};
}

}  // namespace relata::data
