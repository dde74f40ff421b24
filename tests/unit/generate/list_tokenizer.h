// A tokenizer made of a list of texts, for tests of what tokens may come.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "relata/text/tokenizer.h"

namespace relata::generate {

// Id 0 is EOS, 1 a special token, id i + 2 the i-th text. With `space_before`, texts are encoded
// with a space before them that decoding takes off, as SentencePiece's models do.
class ListTokenizer : public text::Tokenizer {
 public:
  explicit ListTokenizer(std::vector<std::string> tokens, bool space_before = false)
      : tokens_(std::move(tokens)), space_before_(space_before) {}

  // The longest token at every place; none where there is none.
  std::vector<text::Token> encode(std::string_view text, bool) const override {
    const std::string all = (space_before_ ? " " : "") + std::string(text);
    std::vector<text::Token> out;
    for (size_t at = 0; at < all.size();) {
      size_t length = 0;
      int32_t id = -1;
      for (size_t i = 0; i < tokens_.size(); ++i) {
        if (tokens_[i].size() <= length || !all.substr(at).starts_with(tokens_[i])) continue;
        length = tokens_[i].size();
        id = static_cast<int32_t>(i) + 2;
      }
      if (id >= 0) out.push_back({id, {}});
      at += std::max<size_t>(length, 1);
    }
    return out;
  }
  std::string decode(const std::vector<int32_t>& ids, bool) const override {
    std::string out;
    for (const int32_t id : ids) out += token_bytes(id);
    if (space_before_ && out.starts_with(' ')) out.erase(0, 1);
    return out;
  }
  std::string token_bytes(int32_t id) const override {
    return id < 2 || id >= vocab_size() ? "" : tokens_[static_cast<size_t>(id) - 2];
  }
  int32_t vocab_size() const override { return static_cast<int32_t>(tokens_.size()) + 2; }
  int32_t token_to_id(std::string_view) const override { return -1; }
  std::string id_to_token(int32_t id) const override { return token_bytes(id); }
  int32_t bos_id() const override { return -1; }
  int32_t eos_id() const override { return 0; }
  bool is_special(int32_t id) const override { return id < 2; }
  Status save(const std::string&) const override { return {}; }
  std::string kind() const override { return "list"; }

 private:
  std::vector<std::string> tokens_;
  bool space_before_;
};

}  // namespace relata::generate
