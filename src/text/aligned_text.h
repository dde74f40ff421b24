// Text on its way through normalisers, every byte of which knows where it came from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/text/utf8.h"

namespace relata::text {

class AlignedText {
 public:
  AlignedText() = default;
  AlignedText(std::string_view text, size_t base);  // byte i comes from [base + i, base + i + 1)

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  size_t size() const { return text_.size(); }
  ByteRange origin(size_t begin, size_t end) const;
  AlignedText slice(size_t begin, size_t end) const;

  void append(std::string_view text, ByteRange origin);  // all of it comes from `origin`
  void append_slice(const AlignedText& other, size_t begin, size_t end);
  void prepend(std::string_view text);

 private:
  std::string text_;
  std::vector<ByteRange> origins_;
};

}  // namespace relata::text
