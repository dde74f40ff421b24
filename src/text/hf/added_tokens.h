// Added tokens: strings that become one id before the tokenizer's model sees the text.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hf/models/vocabulary.h"
#include "relata/text/utf8.h"

namespace relata::text {

struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool special = false;
  bool normalized = false;   // searched in the normalised text
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool single_word = false;  // only where no word character touches it
};

Result<AddedToken> read_added_token(const Node& node, int64_t default_id, const std::string& where);

// Finds tokens in a text: leftmost first, then longest. What is of them never overlaps; white space
// that one has taken may begin the next.
class AddedTokenMatcher {
 public:
  struct Match {
    ByteRange range;
    int32_t id;
  };

  void add(const AddedToken& token, std::string_view searched);  // `searched`: normalised content
  // Replaces the content of `matches`.
  void find(std::string_view valid_utf8, std::vector<Match>& matches) const;
  bool empty() const { return tokens_.empty(); }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  struct State {
    std::map<uint8_t, size_t> next;
    size_t token = kNone;
  };
  struct Longest {
    size_t length = 0;
    size_t token = kNone;
  };
  Longest longest_at(std::string_view text, size_t offset) const;

  std::vector<AddedToken> tokens_;
  std::vector<State> states_ = std::vector<State>(1);
  std::array<bool, 256> starts_{};  // bytes that begin some token
};

}  // namespace relata::text
