#include "hf_tokenizer.h"

#include <algorithm>
#include <array>

#include "hf/class_settings.h"
#include "hf/models/bpe_model.h"
#include "hf/models/unigram_model.h"
#include "hf/models/wordpiece_model.h"
#include "hf_components.h"
#include "sentencepiece/sentencepiece_tokenizer.h"
#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

constexpr char kFile[] = "tokenizer.json";

// Names that published models use, for folders whose configuration names no such token.
constexpr std::array<const char*, 3> kBosNames = {"<s>", "<|begin_of_text|>", "<bos>"};
constexpr std::array<const char*, 5> kEosNames = {"</s>", "<|im_end|>", "<|end_of_text|>",
                                                  "<|endoftext|>", "<eos>"};

class HfTokenizer : public TokenizerBase {
 public:
  // `own_ids`: added tokens have the ids that are written with them.
  HfTokenizer(ModelFolder files, TokenizerParts parts, bool own_ids)
      : TokenizerBase(std::move(files)),
        model_(std::move(parts.model)),
        kind_(std::move(parts.kind)),
        own_ids_(own_ids),
        adds_by_config_(parts.adds_by_config),
        next_id_(model_->count()),
        cuts_at_spaces_(model_->may_cut_at_spaces()) {}
  Status configure(const Node& root, bool raw_bytes, const std::string& path);

  std::string decode(const std::vector<int32_t>& ids, bool skip_special) const override;
  std::string token_bytes(int32_t id) const override;
  std::string kind() const override { return kind_ + "-" + model_->name(); }

 protected:
  void encode_segment(std::string_view segment, size_t base, Workspace& workspace,
                      std::vector<Token>& out) const override;
  void finish(std::string_view text, std::vector<Token>& tokens) const override;
  int32_t piece_to_id(std::string_view piece) const override { return model_->token_to_id(piece); }
  std::string_view id_to_piece(int32_t id) const override { return model_->id_to_token(id); }

 private:
  Status read_components(const Node& root, bool raw_bytes, const std::string& path);
  Status read_added(const Node& root, const std::string& path);
  void add_all(std::vector<AddedToken> tokens);
  void add_searched(const AddedToken& token);
  void apply_config(const TokenizerConfig& config);
  template <class Names>
  int32_t named_id(const std::optional<std::string>& name, const Names& usual) const;
  void encode_pieces(const Piece& whole, Workspace& workspace, std::vector<Token>& out) const;
  std::string_view shown_piece(std::string_view text, const Token& token) const;
  void trim(std::string_view text, bool first, Token& token) const;

  std::unique_ptr<PieceModel> model_;
  std::string kind_;
  bool own_ids_;
  bool adds_by_config_;
  int32_t next_id_;  // of an added token that the model does not have
  bool cuts_at_spaces_;
  NormalizerPtr normalizer_;
  PreTokenizerPtr pre_tokenizer_;
  DecoderPtr decoder_;
  PostProcessing post_;
  AddedTokenMatcher normalized_matcher_;
};

const Node& member(const Node& root, const char* key) {
  static const Node kNull;
  const auto found = root.find(key);
  return found == root.end() ? kNull : *found;
}

Result<std::string> model_type(const Node& model, const std::string& where) {
  // Files from before the tag existed are of the kind that has merges.
  if (model.is_object() && model.contains("merges") && !model.contains("type"))
    return std::string("BPE");
  return component_type(model, where);
}

Result<std::unique_ptr<PieceModel>> read_model(const Node& node, bool raw_bytes,
                                               const std::string& where) {
  RELATA_TRY(const std::string type, model_type(node, where));
  if (type == "Unigram") return UnigramModel::from_json(node, where);
  if (type == "WordPiece") return WordPieceModel::from_json(node, where);
  if (type == "WordLevel") return WordLevelModel::from_json(node, where);
  if (type != "BPE") return unsupported_component(where, type);
  RELATA_TRY(std::unique_ptr<BpeModel> model, BpeModel::from_json(node, raw_bytes, where));
  return std::unique_ptr<PieceModel>(std::move(model));
}

Status HfTokenizer::configure(const Node& root, bool raw_bytes, const std::string& path) {
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files_));
  RELATA_CHECK(read_components(root, raw_bytes, path));
  RELATA_CHECK(read_added(root, path));
  apply_config(config);
  return set_stops(config);
}

Status HfTokenizer::read_components(const Node& root, bool raw_bytes, const std::string& path) {
  RELATA_TRY(normalizer_, parse_normalizer(member(root, "normalizer"), path + ": normalizer"));
  RELATA_TRY(pre_tokenizer_, parse_pre_tokenizer(member(root, "pre_tokenizer"), raw_bytes,
                                                 path + ": pre_tokenizer"));
  RELATA_TRY(decoder_, parse_decoder(member(root, "decoder"), path + ": decoder"));
  RELATA_TRY(post_,
             parse_post_processor(member(root, "post_processor"), path + ": post_processor"));
  frame_ = post_.frame;
  return {};
}

Status HfTokenizer::read_added(const Node& root, const std::string& path) {
  need_id(model_->id_limit() - 1);
  JsonReader reader(root, path);
  std::vector<AddedToken> tokens;
  for (const Node& item : reader.array("added_tokens")) {
    RELATA_TRY(AddedToken token, read_added_token(item, -1, path + ": added_tokens"));
    tokens.push_back(std::move(token));
  }
  RELATA_CHECK(reader.status());
  add_all(std::move(tokens));
  for (const auto* ids : {&frame_.before, &frame_.after}) {
    for (const int32_t id : *ids) need_id(id);
  }
  return {};
}

// Hugging Face's rule: what the model has keeps the model's id; the rest get the ids after the
// model's and their own, one after the other, whatever id is written with them.
void HfTokenizer::add_all(std::vector<AddedToken> tokens) {
  for (AddedToken& token : tokens) {
    if (!own_ids_) {
      const int32_t known = token_to_id(token.content);
      token.id = known >= 0 ? known : next_id_;
      next_id_ = std::max(next_id_, token.id + 1);
    }
    add_searched(token);
  }
}

void HfTokenizer::add_searched(const AddedToken& token) {
  if (!token.normalized) return add_token(token);
  AlignedText text;
  AlignedText spare;
  text.reset(token.content, 0);
  normalizer_->apply(text, spare);
  add_token(token, normalized_matcher_, text.text());
}

template <class Names>
int32_t HfTokenizer::named_id(const std::optional<std::string>& name, const Names& usual) const {
  if (name) return token_to_id(*name);
  for (const char* candidate : usual) {
    if (const int32_t id = added_id(candidate); id >= 0) return id;
  }
  return -1;
}

void HfTokenizer::apply_config(const TokenizerConfig& config) {
  std::vector<AddedToken> tokens = config.added;
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  add_all(std::move(tokens));
  // Those that the model has, with the settings that they are named with.
  for (AddedToken token : config.named) {
    token.id = piece_to_id(token.content);
    if (token.id >= 0 && added_id(token.content) < 0) add_searched(token);
  }
  add_named(config.special);
  int32_t next = own_ids_ ? vocab_size() : next_id_;
  for (AddedToken token : config.named) {
    if (token_to_id(token.content) >= 0 || next >= kIdLimit) continue;
    token.id = next++;
    add_searched(token);
  }
  bos_ = named_id(config.bos, kBosNames);
  eos_ = named_id(config.eos, kEosNames);
  if (const auto frame = class_frame(config)) {
    const int32_t before = token_to_id(frame->before), after = token_to_id(frame->after);
    if (before >= 0) frame_.before = {before};
    if (after >= 0) frame_.after = {after};
  }
  if (!adds_by_config_) return;
  const auto one = [](bool wanted, int32_t id) {
    return wanted && id >= 0 ? std::vector<int32_t>{id} : std::vector<int32_t>{};
  };
  if (config.add_bos) frame_.before = one(*config.add_bos, bos_);
  if (config.add_eos) frame_.after = one(*config.add_eos, eos_);
}

void HfTokenizer::encode_pieces(const Piece& whole, Workspace& workspace,
                                std::vector<Token>& out) const {
  if (whole.begin >= whole.end) return;
  PieceBuffers& buffers = workspace.buffers;
  buffers.pieces.assign(1, whole);
  pre_tokenizer_->apply(buffers);
  const std::string_view text = buffers.text.text();
  for (const Piece& piece : buffers.pieces) {
    workspace.tokens.clear();
    segment_cached(text.substr(piece.begin, piece.end - piece.begin), cuts_at_spaces_, workspace,
                   [this](std::string_view part, ModelScratch& scratch, PieceTokens& tokens) {
                     model_->encode(part, scratch, tokens);
                   });
    for (const PieceToken& token : workspace.tokens) {
      ByteRange range = {piece.source, piece.source};
      if (token.begin < token.end) {
        range = buffers.text.origin(piece.begin + token.begin, piece.begin + token.end);
      }
      out.push_back({token.id, range});
    }
  }
}

void HfTokenizer::encode_segment(std::string_view segment, size_t base, Workspace& workspace,
                                 std::vector<Token>& out) const {
  PieceBuffers& buffers = workspace.buffers;
  buffers.text.reset(segment, base);
  normalizer_->apply(buffers.text, buffers.spare_text);
  normalized_matcher_.find(buffers.text.text(), workspace.normalized_matches);
  if (workspace.normalized_matches.empty()) {
    // What a normaliser takes off the beginning is not of the piece.
    const size_t source = buffers.text.empty() ? base : buffers.text.origin(0, 1).begin;
    return encode_pieces({0, buffers.text.size(), source}, workspace, out);
  }
  // Pre-tokenizers rewrite the text that they get, so every part gets a copy.
  AlignedText whole;
  whole.swap(buffers.text);
  const auto part = [&](size_t begin, size_t end) {
    if (begin >= end) return;
    buffers.text.clear();
    buffers.text.append_slice(whole, begin, end);
    encode_pieces({0, end - begin, whole.origin(begin, begin + 1).begin}, workspace, out);
  };
  size_t begin = 0;
  for (const auto& match : workspace.normalized_matches) {
    part(begin, match.range.begin);
    out.push_back({match.id, whole.origin(match.range.begin, match.range.end)});
    begin = match.range.end;
  }
  part(begin, whole.size());
}

// The text of a token; an added token's is that of its place, with the white space that it took.
std::string_view HfTokenizer::shown_piece(std::string_view text, const Token& token) const {
  const AddedToken* extra = added(token.id);
  if (extra == nullptr) return id_to_piece(token.id);
  const std::string_view place =
      text.substr(token.range.begin, token.range.end - token.range.begin);
  return place.find(extra->content) == std::string_view::npos ? std::string_view(extra->content)
                                                              : place;
}

// A token's leading and trailing spaces, told by its own text, leave its range.
void HfTokenizer::trim(std::string_view text, bool first, Token& token) const {
  constexpr char32_t kVisibleSpace = 0x120;  // GPT-2's stand-in for the space
  const std::string_view piece = shown_piece(text, token);
  const auto is_blank = [](char32_t c) { return c == kVisibleSpace || is_space(c); };
  size_t leading = 0;
  for (size_t begin = 0; begin < piece.size(); ++leading) {
    const CodePoint point = code_point_at(piece, begin);
    if (!is_blank(point.value)) break;
    begin += point.length;
  }
  // One space before the text was added; several were there.
  if (leading == 1 && (first || token.range.begin == 0) && post_.add_prefix_space) leading = 0;
  for (; leading > 0 && token.range.begin < token.range.end; --leading) {
    token.range.begin += code_point_at(text, token.range.begin).length;
  }
  for (size_t end = piece.size(); end > 0;) {
    const size_t last = code_point_start(piece, end);
    if (!is_blank(code_point_at(piece, last).value)) break;
    end = last;
    if (token.range.end > token.range.begin) {
      token.range.end = code_point_start(text, token.range.end);
    }
  }
}

void HfTokenizer::finish(std::string_view text, std::vector<Token>& tokens) const {
  if (!post_.trim_offsets) return;
  bool first = true;
  for (Token& token : tokens) {
    if (token.range.begin == token.range.end) continue;
    trim(text, first, token);
    first = false;
  }
}

std::string HfTokenizer::decode(const std::vector<int32_t>& ids, bool skip_special) const {
  std::vector<std::string> tokens;
  for (const int32_t id : ids) {
    if (skip_special && is_special(id)) continue;
    std::string token = id_to_token(id);
    if (!token.empty()) tokens.push_back(std::move(token));
  }
  std::string out;
  for (const auto& part : decoder_->apply(std::move(tokens))) out += part;
  return out;
}

std::string HfTokenizer::token_bytes(int32_t id) const {
  const AddedToken* token = added(id);
  if (token != nullptr) return token->special ? std::string() : token->content;
  const std::string_view piece = id_to_piece(id);
  return piece.empty() ? std::string() : decoder_->spell(std::string(piece));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> assemble_tokenizer(ModelFolder files,
                                                            TokenizerParts parts) {
  const bool bytes = ends_in_byte_level(member(parts.root, "pre_tokenizer"));
  const bool is_rank_file = parts.model != nullptr;
  bool raw_bytes = bytes && is_rank_file;
  if (!is_rank_file) {
    const Node& node = member(parts.root, "model");
    const std::string where = parts.path + ": model";
    RELATA_TRY(const std::string type, model_type(node, where));
    raw_bytes = bytes && type == "BPE";
    RELATA_TRY(parts.model, read_model(node, raw_bytes, where));
  }
  const Node root = std::move(parts.root);
  const std::string path = parts.path;
  const auto tokenizer =
      std::make_shared<HfTokenizer>(std::move(files), std::move(parts), is_rank_file);
  RELATA_CHECK(tokenizer->configure(root, raw_bytes, path));
  return std::shared_ptr<const Tokenizer>(tokenizer);
}

Result<std::shared_ptr<const Tokenizer>> load_hf_tokenizer(ModelFolder files) {
  const std::string path = files.path(kFile);
  RELATA_TRY(Node root, parse_node(*files.find(kFile), path));
  if (!root.is_object()) return input_error(path + ": a JSON object is wanted");
  const Node& model = member(root, "model");
  // What train_tokenizer() writes: a unigram model whose own file lies beside.
  const bool unigram = model.is_object() && model.value("type", Node()) == "Unigram";
  if (unigram && files.find("tokenizer.model") != nullptr) {
    return load_sentencepiece(std::move(files), "tokenizer.model");
  }
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  apply_class_settings(config, root);
  return assemble_tokenizer(std::move(files), {std::move(root), nullptr, path, "tokenizer.json"});
}

}  // namespace relata::text
