#include <algorithm>
#include <optional>
#include <string>

#include "gguf/gguf_parts.h"
#include "hf/stages/node_parts.h"

namespace relata::text {
namespace {

// llama.cpp writes the beginning of a word with SentencePiece's mark and what goes on without one;
// WordPiece marks what goes on.
constexpr std::string_view kWordStart = "\u2581";
constexpr const char* kGoesOn = "##";

bool is_special(const GgufVocab& vocab, size_t id) {
  return vocab.kinds[id] == GgufVocab::Kind::kControl ||
         vocab.kinds[id] == GgufVocab::Kind::kUnknown;
}

// Looked for as it stands, wherever it is in a text.
bool is_added(const GgufVocab& vocab, size_t id) {
  return vocab.kinds[id] == GgufVocab::Kind::kUserDefined;
}

std::string piece_of(const GgufVocab& vocab, size_t id) {
  const std::string_view token = vocab.tokens[id];
  if (is_special(vocab, id)) return std::string(token);
  if (token.starts_with(kWordStart)) return std::string(token.substr(kWordStart.size()));
  return is_added(vocab, id) ? std::string(token) : kGoesOn + std::string(token);
}

// Older files do not say whether text is put into lower case. A vocabulary with capitals was made
// of text that was not.
bool has_capitals(const GgufVocab& vocab) {
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const std::string_view token = vocab.tokens[id];
    const bool a_name = token.find('[') != std::string_view::npos;
    if (is_special(vocab, id) || is_added(vocab, id) || a_name) continue;
    if (std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
      return true;
    }
  }
  return false;
}

std::optional<int32_t> named(const GgufVocab& vocab, std::string_view name) {
  const auto found = std::find(vocab.tokens.begin(), vocab.tokens.end(), name);
  if (found == vocab.tokens.end()) return std::nullopt;
  return static_cast<int32_t>(found - vocab.tokens.begin());
}

}  // namespace

Result<Node> gguf_wordpiece_json(const GgufVocab& vocab) {
  const auto unknown = vocab.unknown ? vocab.unknown : named(vocab, "[UNK]");
  const auto first = vocab.first ? vocab.first : vocab.bos ? vocab.bos : named(vocab, "[CLS]");
  const auto last = vocab.separator ? vocab.separator
                    : vocab.eos     ? vocab.eos
                                    : named(vocab, "[SEP]");
  if (!unknown || !first || !last) {
    return input_error(vocab.path +
                           ": the vocabulary has no token for what is unknown, or none that "
                           "stands around texts",
                       "use the model's Hugging Face folder");
  }
  Node ids = Node::object();
  Node added = Node::array();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    std::string piece = piece_of(vocab, id);
    const auto number = static_cast<int64_t>(id);
    const bool stands_out =
        is_special(vocab, id) || number == *unknown || number == *first || number == *last;
    if (stands_out) piece = std::string(vocab.tokens[id]);
    if (ids.contains(piece)) {
      return input_error(vocab.path + ": two tokens are \"" + piece + "\" of WordPiece",
                         "use the model's Hugging Face folder");
    }
    if (stands_out || is_added(vocab, id)) {
      added.push_back(special_token(piece, number));
      added.back()["special"] = stands_out;
    }
    ids[std::move(piece)] = number;
  }
  const bool lower = vocab.lowercase.value_or(!has_capitals(vocab));
  Node root = {{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", std::move(added)},
               {"normalizer",
                {{"type", "BertNormalizer"},
                 {"clean_text", true},
                 {"handle_chinese_chars", true},
                 {"strip_accents", vocab.strip_accents.value_or(lower)},
                 {"lowercase", lower}}},
               {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
               {"decoder", {{"type", "WordPiece"}, {"prefix", kGoesOn}, {"cleanup", true}}},
               {"model",
                {{"type", "WordPiece"},
                 {"unk_token", std::string(vocab.token(*unknown))},
                 {"continuing_subword_prefix", kGoesOn},
                 {"max_input_chars_per_word", 100},
                 {"vocab", std::move(ids)}}}};
  root["post_processor"] = frame_template(vocab.framing(true, first), vocab.framing(true, last));
  return root;
}

}  // namespace relata::text
