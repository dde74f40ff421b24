// Tokens and their ids, both ways.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json_reader.h"

namespace relata::text {

// More ids than any real vocabulary has; bounds what a malformed file can make us allocate.
constexpr int64_t kIdLimit = 10'000'000;

// More bytes than any real token has: looking for tokens takes time that grows with the longest.
constexpr size_t kLongestToken = 4096;

inline constexpr char kDamagedHint[] = "the file may be damaged; fetch it again";

class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(Vocabulary&&) noexcept = default;
  Vocabulary& operator=(Vocabulary&&) noexcept = default;
  Vocabulary(const Vocabulary&) = delete;  // tokens_ points into ids_
  Vocabulary& operator=(const Vocabulary&) = delete;
  // {"token": id, ...}; ids may have gaps.
  static Result<Vocabulary> from_json(const Node& vocab, const std::string& where);

  // False when the id or the token is there already.
  bool add(std::string_view token, int32_t id);
  int32_t id(std::string_view token) const;  // -1: none
  std::string_view token(int32_t id) const;  // "" when out of range
  bool has(int32_t id) const;
  int32_t id_limit() const { return static_cast<int32_t>(tokens_.size()); }
  int32_t count() const { return static_cast<int32_t>(ids_.size()); }
  // The id of a token that the file names; an error that says `key` when there is none.
  Result<int32_t> named(const std::string& token, const char* key, const std::string& where) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> tokens_;  // into ids_, whose keys do not move; null: a gap
};

// "<0x0A>", as models write a byte that has no token of its own.
std::string byte_token(unsigned byte);
// The byte of such a token; -1 for others.
int token_byte(std::string_view token);

}  // namespace relata::text
