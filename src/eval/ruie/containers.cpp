#include "ruie/containers.h"

#include <algorithm>
#include <numeric>

namespace relata::eval {

Containers::Containers(const std::vector<std::string_view>& texts) : taken_(texts.size(), false) {
  for (size_t t = 0; t < texts.size(); ++t) {
    for (size_t at = 0; at < texts[t].size(); ++at) {
      const bool inside_character = (static_cast<unsigned char>(texts[t][at]) & 0xC0) == 0x80;
      if (!inside_character) ends_.push_back({texts[t].substr(at), t});
    }
  }
  std::sort(ends_.begin(), ends_.end(), [](const End& a, const End& b) {
    const int order = a.rest.compare(b.rest);
    return order < 0 || (order == 0 && a.text < b.text);
  });
  skip_.resize(ends_.size() + 1);
  std::iota(skip_.begin(), skip_.end(), size_t{0});
}

size_t Containers::next_free(size_t at) {
  size_t free = at;
  while (free < ends_.size()) {
    if (skip_[free] != free) {
      free = skip_[free];
    } else if (taken_[ends_[free].text]) {
      skip_[free] = free + 1;
    } else {
      break;
    }
  }
  while (at < free) {  // the next question goes this way at once
    const size_t next = skip_[at];
    skip_[at] = free;
    at = next;
  }
  return free;
}

size_t Containers::take(std::string_view part) {
  const auto first =
      std::lower_bound(ends_.begin(), ends_.end(), part,
                       [](const End& end, std::string_view text) { return end.rest < text; });
  const size_t found = next_free(static_cast<size_t>(first - ends_.begin()));
  if (found == ends_.size() || !ends_[found].rest.starts_with(part)) return kNone;
  const size_t text = ends_[found].text;
  taken_[text] = true;
  return text;
}

}  // namespace relata::eval
