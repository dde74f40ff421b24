// Text on its way through normalisers, every byte of which knows where it came from.
//
// The rules are those of Hugging Face's tokenizers: a byte belongs to a whole code point of the
// original, and an inserted code point to what stands before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relata/text/utf8.h"

namespace relata::text {

class AlignedText {
 public:
  AlignedText() = default;
  AlignedText(const AlignedText&) = delete;
  AlignedText& operator=(const AlignedText&) = delete;

  // The text itself, at `base` of the original. Borrows `text` until the next reset or clear.
  void reset(std::string_view text, size_t base);
  void clear();  // ready to append to
  void swap(AlignedText& other) noexcept;

  std::string_view text() const { return owned_ ? std::string_view(buffer_) : view_; }
  size_t size() const { return text().size(); }
  bool empty() const { return size() == 0; }
  // Of the bytes [begin, end), which are at least one.
  ByteRange origin(size_t begin, size_t end) const;

  // Appending: `other` is another text.
  void append(std::string_view text, ByteRange origin);  // all of it comes from `origin`
  void append_slice(const AlignedText& other, size_t begin, size_t end);

  // Byte by byte, when every change is from ASCII to ASCII: origins stay as they are.
  template <class Change>
  void change_bytes(Change change) {
    if (!owned_) buffer_ = view_;
    owned_ = true;
    for (char& byte : buffer_) byte = change(byte);
  }

 private:
  struct Span {
    uint32_t begin;
    uint32_t end;
  };
  bool owned_ = false;    // the text is buffer_, not view_
  bool in_place_ = true;  // byte i comes from the code point at base_ + i; else see origins_
  std::string_view view_;
  size_t base_ = 0;
  std::string buffer_;
  std::vector<Span> origins_;
};

}  // namespace relata::text
