#include "aligned_text.h"

#include <utility>

#include "unicode_sets.h"

namespace relata::text {

void AlignedText::reset(std::string_view text, size_t base) {
  owned_ = false;
  in_place_ = true;
  view_ = text;
  base_ = base;
}

void AlignedText::clear() {
  owned_ = true;
  in_place_ = false;
  buffer_.clear();
  origins_.clear();
}

void AlignedText::swap(AlignedText& other) noexcept {
  std::swap(owned_, other.owned_);
  std::swap(in_place_, other.in_place_);
  std::swap(view_, other.view_);
  std::swap(base_, other.base_);
  buffer_.swap(other.buffer_);
  origins_.swap(other.origins_);
}

ByteRange AlignedText::origin(size_t begin, size_t end) const {
  if (!in_place_) return {origins_[begin].begin, origins_[end - 1].end};
  const std::string_view text = this->text();
  while (begin > 0 && is_continuation_byte(text[begin])) --begin;
  while (end < text.size() && is_continuation_byte(text[end])) ++end;
  return {base_ + begin, base_ + end};
}

void AlignedText::append(std::string_view text, ByteRange origin) {
  buffer_ += text;
  origins_.insert(origins_.end(), text.size(),
                  {static_cast<uint32_t>(origin.begin), static_cast<uint32_t>(origin.end)});
}

void AlignedText::append_slice(const AlignedText& other, size_t begin, size_t end) {
  buffer_.append(other.text(), begin, end - begin);
  if (!other.in_place_) {
    origins_.insert(origins_.end(), other.origins_.begin() + static_cast<ptrdiff_t>(begin),
                    other.origins_.begin() + static_cast<ptrdiff_t>(end));
    return;
  }
  const std::string_view text = other.text();
  for (size_t i = begin; i < end;) {
    const size_t length = code_point_at(text, i).length;
    const Span span = {static_cast<uint32_t>(other.base_ + i),
                       static_cast<uint32_t>(other.base_ + i + length)};
    origins_.insert(origins_.end(), length, span);
    i += length;
  }
}

}  // namespace relata::text
