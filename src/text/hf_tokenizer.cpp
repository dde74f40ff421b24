#include "hf_tokenizer.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <unordered_map>

#include "bpe_model.h"
#include "hf_components.h"
#include "sentencepiece_tokenizer.h"

namespace relata::text {
namespace {

constexpr char kFile[] = "tokenizer.json";

// Names that published models use, for folders whose configuration names no such token.
constexpr std::array<const char*, 3> kBosNames = {"<s>", "<|begin_of_text|>", "<bos>"};
constexpr std::array<const char*, 5> kEosNames = {"</s>", "<|im_end|>", "<|end_of_text|>",
                                                  "<|endoftext|>", "<eos>"};

class HfTokenizer : public Tokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> load(ModelFolder files);

  std::vector<Token> encode(std::string_view text, bool add_special) const override;
  std::string decode(const std::vector<int32_t>& ids, bool skip_special) const override;
  int32_t vocab_size() const override { return vocab_size_; }
  int32_t token_to_id(std::string_view piece) const override;
  std::string id_to_token(int32_t id) const override;
  int32_t bos_id() const override { return bos_; }
  int32_t eos_id() const override { return eos_; }
  bool is_special(int32_t id) const override;
  Status save(const std::string& folder) const override { return files_.save(folder); }
  std::string kind() const override { return "tokenizer.json-bpe"; }

 private:
  HfTokenizer(ModelFolder files, BpeModel model)
      : files_(std::move(files)), model_(std::move(model)) {}
  Status read_components(const Node& root, const std::string& path);
  Status read_added(const Node& root, const std::string& path);
  void add_token(const AddedToken& token);
  void configure(const TokenizerConfig& config);
  template <class Names>
  int32_t named_id(const std::optional<std::string>& name, const Names& usual) const;
  void encode_segment(std::string_view segment, size_t base, std::vector<Token>& out) const;
  void encode_normalized(AlignedText text, std::vector<Token>& out) const;

  ModelFolder files_;
  BpeModel model_;
  NormalizerPtr normalizer_;
  PreTokenizerPtr pre_tokenizer_;
  DecoderPtr decoder_;
  SpecialFrame frame_;
  AddedTokenMatcher raw_matcher_;
  AddedTokenMatcher normalized_matcher_;
  std::unordered_map<int32_t, AddedToken> added_;
  std::unordered_map<std::string, int32_t> added_ids_;
  int32_t vocab_size_ = 0;
  int32_t bos_ = -1;
  int32_t eos_ = -1;
};

const Node& member(const Node& root, const char* key) {
  static const Node null;
  const auto found = root.find(key);
  return found == root.end() ? null : *found;
}

Result<std::shared_ptr<const Tokenizer>> HfTokenizer::load(ModelFolder files) {
  const std::string path = files.path(kFile);
  RELATA_TRY(const Node root, parse_node(*files.find(kFile), path));
  if (!root.is_object()) return input_error(path + ": a JSON object is wanted");
  const Node& model_node = member(root, "model");
  // Files from before the tag existed are of the kind that has merges.
  std::string type = "BPE";
  if (!model_node.is_object() || !model_node.contains("merges") || model_node.contains("type")) {
    RELATA_TRY(type, component_type(model_node, path + ": model"));
  }
  // A unigram model is one that SentencePiece itself reads, when its own file lies beside.
  const bool convertible = type == "Unigram" && files.find("tokenizer.model") != nullptr;
  if (convertible) return load_sentencepiece(std::move(files));
  if (type != "BPE") return unsupported_component(path + ": model", type);
  RELATA_TRY(BpeModel model, BpeModel::from_json(model_node, path + ": model"));
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  std::shared_ptr<HfTokenizer> tokenizer(new HfTokenizer(std::move(files), std::move(model)));
  RELATA_CHECK(tokenizer->read_components(root, path));
  RELATA_CHECK(tokenizer->read_added(root, path));
  tokenizer->configure(config);
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

Status HfTokenizer::read_components(const Node& root, const std::string& path) {
  RELATA_TRY(normalizer_, parse_normalizer(member(root, "normalizer"), path + ": normalizer"));
  RELATA_TRY(pre_tokenizer_,
             parse_pre_tokenizer(member(root, "pre_tokenizer"), path + ": pre_tokenizer"));
  RELATA_TRY(decoder_, parse_decoder(member(root, "decoder"), path + ": decoder"));
  RELATA_TRY(frame_,
             parse_post_processor(member(root, "post_processor"), path + ": post_processor"));
  return {};
}

Status HfTokenizer::read_added(const Node& root, const std::string& path) {
  vocab_size_ = model_.id_limit();
  JsonReader reader(root, path);
  for (const Node& item : reader.array("added_tokens")) {
    RELATA_TRY(const AddedToken token, read_added_token(item, -1, path + ": added_tokens"));
    add_token(token);
  }
  RELATA_CHECK(reader.status());
  for (const auto* ids : {&frame_.before, &frame_.after}) {
    for (const int32_t id : *ids) vocab_size_ = std::max(vocab_size_, id + 1);
  }
  return {};
}

void HfTokenizer::add_token(const AddedToken& token) {
  if (added_ids_.contains(token.content) || !added_.try_emplace(token.id, token).second) return;
  added_ids_.emplace(token.content, token.id);
  if (token.normalized) {
    normalized_matcher_.add(token, normalizer_->apply(AlignedText(token.content, 0)).text());
  } else {
    raw_matcher_.add(token, token.content);
  }
  vocab_size_ = std::max(vocab_size_, token.id + 1);
}

template <class Names>
int32_t HfTokenizer::named_id(const std::optional<std::string>& name, const Names& usual) const {
  if (name) return token_to_id(*name);
  for (const char* candidate : usual) {
    const auto found = added_ids_.find(candidate);
    if (found != added_ids_.end()) return found->second;
  }
  return -1;
}

void HfTokenizer::configure(const TokenizerConfig& config) {
  for (const AddedToken& token : config.added) add_token(token);
  for (const std::string& name : config.special) {
    const auto found = added_ids_.find(name);
    if (found != added_ids_.end()) {
      added_.at(found->second).special = true;
    } else if (const int32_t id = model_.token_to_id(name); id >= 0) {
      add_token({.content = name, .id = id, .special = true});
    }
  }
  bos_ = named_id(config.bos, kBosNames);
  eos_ = named_id(config.eos, kEosNames);
  // Transformers rebuilds the template when the configuration speaks of BOS or EOS.
  const auto one = [](bool wanted, int32_t id) {
    return wanted && id >= 0 ? std::vector<int32_t>{id} : std::vector<int32_t>{};
  };
  if (config.add_bos) frame_.before = one(*config.add_bos, bos_);
  if (config.add_eos) frame_.after = one(*config.add_eos, eos_);
}

void HfTokenizer::encode_normalized(AlignedText text, std::vector<Token>& out) const {
  for (const AlignedText& piece : pre_tokenizer_->apply(std::move(text))) {
    model_.encode(piece, out);
  }
}

void HfTokenizer::encode_segment(std::string_view segment, size_t base,
                                 std::vector<Token>& out) const {
  if (segment.empty()) return;
  AlignedText text = normalizer_->apply(AlignedText(segment, base));
  size_t begin = 0;
  for (const auto& match : normalized_matcher_.find(text.text())) {
    encode_normalized(text.slice(begin, match.range.begin), out);
    out.push_back({match.id, text.origin(match.range.begin, match.range.end)});
    begin = match.range.end;
  }
  encode_normalized(begin == 0 ? std::move(text) : text.slice(begin, text.size()), out);
}

std::vector<Token> HfTokenizer::encode(std::string_view text, bool add_special) const {
  if (find_invalid_utf8(text)) throw std::logic_error("Tokenizer::encode(): not valid UTF-8");
  std::vector<Token> out;
  if (add_special) {
    for (const int32_t id : frame_.before) out.push_back({id, {}});
  }
  size_t begin = 0;
  for (const auto& match : raw_matcher_.find(text)) {
    encode_segment(text.substr(begin, match.range.begin - begin), begin, out);
    out.push_back({match.id, match.range});
    begin = match.range.end;
  }
  encode_segment(text.substr(begin), begin, out);
  if (add_special) {
    for (const int32_t id : frame_.after) out.push_back({id, {text.size(), text.size()}});
  }
  return out;
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

int32_t HfTokenizer::token_to_id(std::string_view piece) const {
  const auto added = added_ids_.find(std::string(piece));
  return added != added_ids_.end() ? added->second : model_.token_to_id(piece);
}

std::string HfTokenizer::id_to_token(int32_t id) const {
  const auto added = added_.find(id);
  return added != added_.end() ? added->second.content : model_.id_to_token(id);
}

bool HfTokenizer::is_special(int32_t id) const {
  const auto added = added_.find(id);
  return added != added_.end() && added->second.special;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_hf_tokenizer(ModelFolder files) {
  return HfTokenizer::load(std::move(files));
}

}  // namespace relata::text
