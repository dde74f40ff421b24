#include "vocabulary.h"

#include <algorithm>

#include "piece_model.h"
#include "relata/base/hex.h"

namespace relata::text {

size_t Vocabulary::Hash::operator()(std::string_view text) const { return hash_bytes(text); }

Result<Vocabulary> Vocabulary::from_json(const Node& vocab, const std::string& where) {
  if (!vocab.is_object()) return input_error(where + ": an object of token to id is wanted");
  if (vocab.empty()) return input_error(where + ": empty", kDamagedHint);
  Vocabulary result;
  result.ids_.reserve(vocab.size());
  for (const auto& [token, value] : vocab.items()) {
    const int64_t id = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (id < 0 || id >= kIdLimit) {
      return input_error(where + ": \"" + token + "\" has no usable id", kDamagedHint);
    }
    if (!result.add(token, static_cast<int32_t>(id))) {
      return input_error(where + ": two tokens have the id " + std::to_string(id), kDamagedHint);
    }
  }
  return result;
}

bool Vocabulary::add(std::string_view token, int32_t id) {
  const auto index = static_cast<size_t>(id);
  if (index < tokens_.size() && tokens_[index] != nullptr) return false;
  const auto [entry, added] = ids_.try_emplace(std::string(token), id);
  if (!added) return false;
  if (index >= tokens_.size()) tokens_.resize(index + 1, nullptr);
  tokens_[index] = &entry->first;
  return true;
}

int32_t Vocabulary::id(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

bool Vocabulary::has(int32_t id) const {
  return id >= 0 && id < id_limit() && tokens_[static_cast<size_t>(id)] != nullptr;
}

std::string_view Vocabulary::token(int32_t id) const {
  return has(id) ? std::string_view(*tokens_[static_cast<size_t>(id)]) : std::string_view();
}

Result<int32_t> Vocabulary::named(const std::string& token, const char* key,
                                  const std::string& where) const {
  const int32_t found = id(token);
  if (found >= 0) return found;
  return input_error(where + ": " + key + " \"" + token + "\" is not in the vocabulary",
                     kDamagedHint);
}

std::string byte_token(unsigned byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}

int token_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    if (hex_digit(c) < 0) return -1;
    value = value * 16 + hex_digit(c);
  }
  return value;
}

}  // namespace relata::text
