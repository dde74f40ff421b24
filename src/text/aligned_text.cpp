#include "aligned_text.h"

namespace relata::text {

AlignedText::AlignedText(std::string_view text, size_t base) : text_(text) {
  origins_.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) origins_.push_back({base + i, base + i + 1});
}

ByteRange AlignedText::origin(size_t begin, size_t end) const {
  if (begin >= end) return {};
  return {origins_[begin].begin, origins_[end - 1].end};
}

AlignedText AlignedText::slice(size_t begin, size_t end) const {
  AlignedText out;
  out.append_slice(*this, begin, end);
  return out;
}

void AlignedText::append(std::string_view text, ByteRange origin) {
  text_ += text;
  origins_.insert(origins_.end(), text.size(), origin);
}

void AlignedText::append_slice(const AlignedText& other, size_t begin, size_t end) {
  text_.append(other.text_, begin, end - begin);
  origins_.insert(origins_.end(), other.origins_.begin() + static_cast<ptrdiff_t>(begin),
                  other.origins_.begin() + static_cast<ptrdiff_t>(end));
}

void AlignedText::prepend(std::string_view text) {
  const size_t start = origins_.empty() ? 0 : origins_.front().begin;
  text_.insert(0, text);
  origins_.insert(origins_.begin(), text.size(), ByteRange{start, start});
}

}  // namespace relata::text
