#include "server_logprobs.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "server_answer.h"

namespace relata::generate {
namespace {

// A token's text: its bytes where they are told, for it may end inside a character.
std::optional<std::string> piece_of(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (!token.is_object()) return std::nullopt;
  const Json bytes = token.value("bytes", Json());
  if (!bytes.is_array()) {
    const Json text = token.value("token", Json());
    return text.is_string() ? std::optional(text.get<std::string>()) : std::nullopt;
  }
  std::string out;
  for (const Json& byte : bytes) {
    if (!byte.is_number_integer()) return std::nullopt;
    out += static_cast<char>(byte.get<int64_t>() & 0xFF);
  }
  return out;
}

std::vector<std::string> pieces_of(const Json& tokens, size_t count) {
  std::vector<std::string> out;
  if (!tokens.is_array() || tokens.size() != count) return out;
  for (const Json& token : tokens) {
    auto piece = piece_of(token);
    if (!piece) return {};
    out.push_back(std::move(*piece));
  }
  return out;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string out;
  for (const std::string& piece : pieces) out += piece;
  return out;
}

}  // namespace

ServerLogprobs read_server_logprobs(const Json& choice) {
  const Json told = choice.value("logprobs", Json());
  if (!told.is_object()) return {};
  ServerLogprobs out;
  const Json plain = told.value("token_logprobs", Json());
  const Json rich = told.value("content", Json());
  for (const Json& item : plain.is_array() ? plain : rich.is_array() ? rich : Json::array()) {
    const Json value = item.is_object() ? item.value("logprob", Json()) : item;
    if (!value.is_number()) return {};
    out.logprobs.push_back(value.get<double>());
  }
  out.pieces =
      pieces_of(plain.is_array() ? told.value("tokens", Json()) : rich, out.logprobs.size());
  return out;
}

void fit_pieces(std::string_view text, ServerLogprobs& told) {
  std::string all = joined(told.pieces);
  size_t blanks = 0;
  if (!text.empty() && !all.starts_with(text)) {
    drop_front(behind_thoughts(all).begin, told);
    all = joined(told.pieces);
    blanks = std::min(all.find_first_not_of(" \t\r\n"), all.size());
  }
  if (!std::string_view(all).substr(blanks).starts_with(text)) {
    told.pieces.clear();
    return;
  }
  for (std::string& piece : told.pieces) {
    const size_t taken = std::min(blanks, piece.size());
    piece.erase(0, taken);
    blanks -= taken;
  }
}

void drop_front(size_t bytes, ServerLogprobs& told) {
  size_t gone = 0;  // tokens that end within
  for (const std::string& piece : told.pieces) {
    if (bytes == 0 || piece.size() > bytes) break;
    bytes -= piece.size();
    ++gone;
  }
  const auto count = static_cast<std::ptrdiff_t>(gone);
  told.pieces.erase(told.pieces.begin(), told.pieces.begin() + count);
  told.logprobs.erase(told.logprobs.begin(), told.logprobs.begin() + count);
  if (!told.pieces.empty()) told.pieces.front().erase(0, bytes);
}

ServerLogprobs by_parts(const ServerLogprobs& told, const std::vector<size_t>& ends,
                        std::vector<std::string> parts) {
  ServerLogprobs out;
  if (told.pieces.empty() || ends.size() != parts.size()) return out;
  out.logprobs.assign(parts.size(), 0.0);
  out.pieces = std::move(parts);
  size_t at = 0;
  size_t part = 0;
  for (size_t i = 0; i < told.pieces.size(); ++i) {
    while (part < ends.size() && at >= ends[part]) ++part;
    if (part == ends.size()) break;
    out.logprobs[part] += std::min(told.logprobs[i], 0.0);
    at += told.pieces[i].size();
  }
  return out;
}

}  // namespace relata::generate
