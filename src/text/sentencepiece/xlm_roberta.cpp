#include "sentencepiece/xlm_roberta.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hf/hf_tokenizer.h"
#include "hf/stages/node_parts.h"
#include "sentencepiece/sentencepiece_proto.h"
#include "tiktoken/base64.h"

namespace relata::text {
namespace {

using Proto = SentencePieceProto;

constexpr int64_t kBosId = 0, kPadId = 1, kEosId = 2, kUnknownId = 3;
constexpr size_t kOwnPieces = 3;  // of the SentencePiece model, whose places fairseq's tokens take
constexpr const char* kFamily = "XLMRoberta";

// mBART, NLLB, CamemBERT and others give other ids to the pieces of a file of the same name.
Status check_family(const ModelFolder& files, const TokenizerConfig& config) {
  const std::string& name = config.tokenizer_class;
  if (name.empty() || name.find(kFamily) != std::string::npos) return {};
  return input_error(files.path("tokenizer_config.json") + ": tokenizer_class \"" + name +
                         "\" is not supported with " + kXlmRobertaFile,
                     "save the tokenizer with Transformers, which writes a tokenizer.json");
}

// What the folder's files call a special token, or `usual`.
struct Names {
  std::string bos, pad, eos, unknown, mask, sep, cls;
};

Names names_of(const TokenizerConfig& config) {
  return {config.bos.value_or("<s>"),   config.pad.value_or("<pad>"),   config.eos.value_or("</s>"),
          config.unk.value_or("<unk>"), config.mask.value_or("<mask>"), config.sep.value_or("</s>"),
          config.cls.value_or("<s>")};
}

// With the settings that the folder's files give this token.
Node added_token(const TokenizerConfig& config, const std::string& content, int64_t id) {
  Node node = special_token(content, id);
  for (const auto* tokens : {&config.added, &config.named}) {
    const auto found = std::find_if(tokens->begin(), tokens->end(), [&](const AddedToken& token) {
      return token.content == content;
    });
    if (found == tokens->end()) continue;
    node["single_word"] = found->single_word;
    node["lstrip"] = found->lstrip;
    node["rstrip"] = found->rstrip;
    node["normalized"] = found->normalized;
    break;
  }
  return node;
}

Node vocabulary(const Proto& proto, const Names& names) {
  Node out = Node::array();
  const auto add = [&](const std::string& piece, double score) {
    out.push_back(Node::array({piece, score}));
  };
  for (const std::string* name : {&names.bos, &names.pad, &names.eos, &names.unknown}) {
    add(*name, 0.0);
  }
  for (size_t i = kOwnPieces; i < proto.pieces.size(); ++i) {
    add(proto.pieces[i].text, static_cast<double>(proto.pieces[i].score));
  }
  add(names.mask, 0.0);
  return out;
}

Node added_tokens(const Proto& proto, const TokenizerConfig& config, const Names& names) {
  const auto first_free = static_cast<int64_t>(proto.pieces.size()) + 2;
  Node out = Node::array();
  const auto add = [&](const std::string& content, int64_t id) {
    out.push_back(added_token(config, content, id));
  };
  add(names.bos, kBosId);
  add(names.pad, kPadId);
  add(names.eos, kEosId);
  add(names.unknown, kUnknownId);
  for (size_t i = kOwnPieces; i < proto.pieces.size(); ++i) {
    const Proto::Piece& piece = proto.pieces[i];
    if (piece.kind != Proto::kControl && piece.kind != Proto::kUserDefined) continue;
    add(piece.text, static_cast<int64_t>(i) + 1);
    out.back()["special"] = piece.kind == Proto::kControl;
  }
  add(names.mask, first_free - 1);
  // Where these are no others than the above, that is where they are.
  add(names.sep, first_free);
  add(names.cls, first_free);
  return out;
}

Node metaspace(bool prefix_space) {
  return {{"type", "Metaspace"},
          {"replacement", "\u2581"},
          {"prepend_scheme", prefix_space ? "always" : "never"},
          {"split", true}};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_xlm_roberta(ModelFolder files) {
  const std::string path = files.path(kXlmRobertaFile);
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  RELATA_CHECK(check_family(files, config));
  RELATA_TRY(const Proto proto, parse_sentencepiece(*files.find(kXlmRobertaFile), path));
  if (proto.type != Proto::kUnigram || proto.pieces.size() < kOwnPieces) {
    return input_error(path + ": not a unigram model, which XLM-RoBERTa's is",
                       "save the tokenizer with Transformers, which writes a tokenizer.json");
  }
  const Names names = names_of(config);
  const bool prefix_space = config.prefix_space.value_or(true);
  Node root = {{"added_tokens", added_tokens(proto, config, names)},
               {"decoder", metaspace(prefix_space)}};
  if (!proto.charsmap.empty()) {
    root["normalizer"] = {{"type", "Precompiled"},
                          {"precompiled_charsmap", encode_base64(proto.charsmap)}};
  }
  const Node split = {{"type", "WhitespaceSplit"}};
  root["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", Node::array({split, metaspace(prefix_space)})}};
  root["post_processor"] = frame_template({{names.bos, kBosId}}, {{names.eos, kEosId}});
  root["model"] = {{"type", "Unigram"},
                   {"unk_id", kUnknownId},
                   {"byte_fallback", false},
                   {"vocab", vocabulary(proto, names)}};
  return assemble_tokenizer(std::move(files), {std::move(root), nullptr, path, kXlmRobertaFile});
}

}  // namespace relata::text
