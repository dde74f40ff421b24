#include "tokenizer_base.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace relata::text {

std::vector<Token> TokenizerBase::encode(std::string_view text, bool add_special) const {
  if (find_invalid_utf8(text)) throw std::logic_error("Tokenizer::encode(): not valid UTF-8");
  // Offsets are kept in 32 bits, and ICU's are signed.
  if (text.size() >= size_t{std::numeric_limits<int32_t>::max()}) {
    throw std::logic_error("Tokenizer::encode(): a text of 2 GiB or more");
  }
  WorkspacePool::Lease lease(workspaces_);
  Workspace& workspace = *lease;
  std::vector<Token> out;
  out.reserve(text.size() / 3 + 4);
  if (add_special) {
    for (const int32_t id : frame_.before) out.push_back({id, {}});
  }
  size_t begin = 0;
  const auto segment = [&](size_t end) {
    if (begin < end) encode_segment(text.substr(begin, end - begin), begin, workspace, out);
  };
  raw_matcher_.find(text, workspace.raw_matches);
  for (const auto& match : workspace.raw_matches) {
    segment(match.range.begin);
    out.push_back({match.id, match.range});
    begin = match.range.end;
  }
  segment(text.size());
  finish(text, out);
  if (add_special) {
    for (const int32_t id : frame_.after) out.push_back({id, {}});
  }
  return out;
}

void TokenizerBase::add_token(const AddedToken& token, AddedTokenMatcher& matcher,
                              std::string_view searched) {
  if (added_ids_.contains(token.content) || !added_.try_emplace(token.id, token).second) return;
  added_ids_.emplace(token.content, token.id);
  matcher.add(token, searched);
  need_id(token.id);
}

void TokenizerBase::add_named(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const int32_t id = added_id(name); id >= 0) {
      added_.at(id).special = true;
    } else if (const int32_t piece = piece_to_id(name); piece >= 0) {
      add_token({.content = name, .id = piece, .special = true});
    }
  }
}

Status TokenizerBase::set_stops(const TokenizerConfig& config) {
  if (eos_ >= 0) stops_.push_back(eos_);
  for (const int32_t id : config.stops) {
    if (id >= vocab_size_) {
      return input_error(files_.path("generation_config.json") + ": eos_token_id " +
                             std::to_string(id) + " is outside the vocabulary of " +
                             std::to_string(vocab_size_),
                         "the file belongs to another model");
    }
    if (std::find(stops_.begin(), stops_.end(), id) == stops_.end()) stops_.push_back(id);
  }
  return {};
}

const AddedToken* TokenizerBase::added(int32_t id) const {
  const auto found = added_.find(id);
  return found == added_.end() ? nullptr : &found->second;
}

int32_t TokenizerBase::added_id(std::string_view content) const {
  const auto found = added_ids_.find(std::string(content));
  return found == added_ids_.end() ? -1 : found->second;
}

int32_t TokenizerBase::token_to_id(std::string_view piece) const {
  const int32_t id = added_id(piece);
  return id >= 0 ? id : piece_to_id(piece);
}

std::string TokenizerBase::id_to_token(int32_t id) const {
  const AddedToken* token = added(id);
  return token != nullptr ? token->content : std::string(id_to_piece(id));
}

bool TokenizerBase::is_special(int32_t id) const {
  const AddedToken* token = added(id);
  return token != nullptr && token->special;
}

}  // namespace relata::text
