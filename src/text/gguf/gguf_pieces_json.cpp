#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "gguf/gguf_parts.h"
#include "hf/stages/node_parts.h"

namespace relata::text {
namespace {

using Kind = GgufVocab::Kind;

constexpr char kSpace[] = "\u2581";

// Control tokens are special, user-defined ones are not; both are found in the text as it stands.
Node added_tokens(const GgufVocab& vocab) {
  Node out = Node::array();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const int kind = vocab.kinds[id];
    if (kind != Kind::kControl && kind != Kind::kUserDefined && kind != Kind::kUnknown) continue;
    Node token = special_token(std::string(vocab.tokens[id]), static_cast<int64_t>(id));
    token["special"] = kind != Kind::kUserDefined;
    out.push_back(std::move(token));
  }
  return out;
}

struct Merge {
  float score;  // of what it makes
  int32_t left;
  int32_t right;
};

// Every way to make a piece of two others, best first. SentencePiece merges the pair whose piece
// has the highest score; a list of merges in that order says the same.
std::vector<Merge> merges_of(const GgufVocab& vocab) {
  std::unordered_map<std::string_view, int32_t> ids;
  ids.reserve(vocab.tokens.size());
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (vocab.kinds[id] == Kind::kNormal) {
      ids.emplace(vocab.tokens[id], static_cast<int32_t>(id));
    }
  }
  std::vector<Merge> merges;
  for (const auto& [token, id] : ids) {
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(token.substr(cut));
      if (right == ids.end()) continue;
      merges.push_back({vocab.scores[static_cast<size_t>(id)], left->second, right->second});
    }
  }
  std::sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tuple(-a.score, a.left, a.right) < std::tuple(-b.score, b.left, b.right);
  });
  return merges;
}

Node model_of(const GgufVocab& vocab) {
  Node ids = Node::object();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) ids[std::string(vocab.tokens[id])] = id;
  Node merges = Node::array();
  for (const Merge& merge : merges_of(vocab)) {
    merges.push_back(
        Node::array({std::string(vocab.token(merge.left)), std::string(vocab.token(merge.right))}));
  }
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", std::string(vocab.token(vocab.unknown.value_or(0)))},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", true},
          {"byte_fallback", true},
          {"ignore_merges", false},
          {"vocab", std::move(ids)},
          {"merges", std::move(merges)}};
}

Node replaced(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

Node normalizer_of(bool prefix) {
  if (!prefix) return replaced(" ", kSpace);
  const Node prepend = {{"type", "Prepend"}, {"prepend", kSpace}};
  return {{"type", "Sequence"}, {"normalizers", Node::array({prepend, replaced(" ", kSpace)})}};
}

Node decoder_of(bool prefix) {
  Node steps = Node::array();
  steps.push_back(replaced(kSpace, " "));
  steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  if (prefix) steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

}  // namespace

Node gguf_pieces_json(const GgufVocab& vocab) {
  const bool prefix = vocab.add_space_prefix.value_or(true);
  return {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added_tokens(vocab)},
      {"normalizer", normalizer_of(prefix)},
      {"pre_tokenizer", nullptr},
      {"post_processor", frame_template(vocab.framing(vocab.add_bos.value_or(true), vocab.bos),
                                        vocab.framing(vocab.add_eos.value_or(false), vocab.eos))},
      {"decoder", decoder_of(prefix)},
      {"model", model_of(vocab)}};
}

}  // namespace relata::text
