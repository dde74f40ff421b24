// Byte-pair encoding as Hugging Face's tokenizers define it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aligned_text.h"
#include "json_reader.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

class BpeModel {
 public:
  static Result<BpeModel> from_json(const Node& node, const std::string& where);

  // Appends the tokens of one pre-tokenized piece. O(n log n) in its length.
  void encode(const AlignedText& piece, std::vector<Token>& out) const;
  int32_t token_to_id(std::string_view token) const;
  const std::string& id_to_token(int32_t id) const;  // "" when out of range
  int32_t id_limit() const { return static_cast<int32_t>(tokens_.size()); }

 private:
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Merge {
    int32_t rank;
    int32_t id;
  };
  struct Symbol {
    int32_t id;
    int32_t previous;
    int32_t next;
    ByteRange range;  // in the piece; empty once merged into another symbol
  };
  struct Unknown {
    bool pending = false;
    ByteRange range;
  };

  Status read_options(const Node& node, const std::string& where);
  Status read_vocab(const Node& vocab, const std::string& where);
  Status read_merges(const Node& merges, const std::string& where);
  Status add_merge(std::string_view left, std::string_view right, int32_t rank,
                   const std::string& where);
  Status resolve_unknown(const std::string& where);
  void resolve_bytes();

  std::vector<Symbol> split(const std::string& text) const;
  bool add_byte_symbols(std::string_view point, size_t offset, std::vector<Symbol>& out) const;
  void add_unknown(ByteRange range, Unknown& unknown, std::vector<Symbol>& out) const;
  void flush_unknown(Unknown& unknown, std::vector<Symbol>& out) const;
  const Merge* find_merge(int32_t left, int32_t right) const;
  void merge(std::vector<Symbol>& symbols) const;

  std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>> ids_;
  std::vector<std::string> tokens_;
  std::unordered_map<uint64_t, Merge> merges_;
  std::array<int32_t, 256> byte_ids_{};
  std::string unknown_token_;
  int32_t unknown_id_ = -1;
  bool byte_fallback_ = false;
  bool fuse_unknown_ = false;
  bool ignore_merges_ = false;
};

}  // namespace relata::text
