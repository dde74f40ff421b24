// SentencePiece's precompiled_charsmap: what becomes of which code points before encoding.
//
// Format: the size of a trie in bytes (4, little-endian), the trie (a double array as the
// darts-clone library lays it out), then the replacements, each ended by a zero byte.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata::text {

class Charsmap {
 public:
  Charsmap() = default;  // changes nothing
  static Result<Charsmap> parse(std::string_view blob, const std::string& where);

  struct Match {
    size_t length = 0;  // 0: none
    std::string_view replacement;
  };
  Match longest(std::string_view text) const;   // SentencePiece's choice
  Match shortest(std::string_view text) const;  // Hugging Face's choice
  // Whether no rule starts with the ASCII byte `first` when an ASCII byte follows it.
  bool is_plain(uint8_t first, uint8_t second) const {
    return first < 0x80 && second < 0x80 && plain_[first];
  }
  bool empty() const { return units_.empty(); }

 private:
  template <class Found>
  void search(std::string_view text, Found found) const;
  bool leads_nowhere(unsigned first) const;
  static bool is_sound(std::string_view text, const Match& match);
  std::string_view replacement(uint32_t offset) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  std::array<bool, 128> plain_ = all_plain();
  static std::array<bool, 128> all_plain();
};

}  // namespace relata::text
