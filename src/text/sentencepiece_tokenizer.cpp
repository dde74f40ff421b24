#include "sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "sentencepiece_proto.h"

namespace relata::text {
namespace {

constexpr char kModelFile[] = "tokenizer.model";
using sentencepiece::SentencePieceProcessor;

class SentencePieceTokenizer : public Tokenizer {
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
  std::string kind() const override { return "sentencepiece-" + model_type_; }

 private:
  explicit SentencePieceTokenizer(ModelFolder files) : files_(std::move(files)) {}
  Status load_model();
  Status configure(const TokenizerConfig& config);
  void add_token(const AddedToken& token);
  bool is_piece(int32_t id) const { return id >= 0 && id < pieces_; }
  int32_t named_id(const std::optional<std::string>& name, int32_t fallback) const;
  const SentencePieceProcessor& processor(bool first) const {
    return first || legacy_ ? with_prefix_ : without_prefix_;
  }
  void encode_segment(std::string_view segment, size_t base, bool first,
                      std::vector<Token>& out) const;
  void decode_run(std::vector<int>& run, bool& first, std::string& out) const;

  ModelFolder files_;
  std::string model_type_;
  SentencePieceProcessor with_prefix_;     // as the model was trained
  SentencePieceProcessor without_prefix_;  // for text after a special token
  int32_t pieces_ = 0;
  int32_t vocab_size_ = 0;
  int32_t bos_ = -1;
  int32_t eos_ = -1;
  bool add_bos_ = false;
  bool add_eos_ = false;
  bool legacy_ = true;
  AddedTokenMatcher matcher_;
  std::unordered_map<int32_t, AddedToken> added_;
  std::unordered_map<std::string, int32_t> added_ids_;
};

Result<std::shared_ptr<const Tokenizer>> SentencePieceTokenizer::load(ModelFolder files) {
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  std::shared_ptr<SentencePieceTokenizer> tokenizer(new SentencePieceTokenizer(std::move(files)));
  RELATA_CHECK(tokenizer->load_model());
  RELATA_CHECK(tokenizer->configure(config));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

Status SentencePieceTokenizer::load_model() {
  const std::string& model = *files_.find(kModelFile);
  auto status = with_prefix_.LoadFromSerializedProto(model);
  if (status.ok()) status = without_prefix_.LoadFromSerializedProto(without_dummy_prefix(model));
  if (!status.ok()) {
    return input_error(
        files_.path(kModelFile) + ": not a SentencePiece model: " + status.ToString(),
        "the file may be cut off or a Git LFS pointer; fetch it again");
  }
  model_type_ = sentencepiece_model_type(model);
  pieces_ = with_prefix_.GetPieceSize();
  vocab_size_ = pieces_;
  return {};
}

Status SentencePieceTokenizer::configure(const TokenizerConfig& config) {
  for (const AddedToken& token : config.added) add_token(token);
  bos_ = named_id(config.bos, with_prefix_.bos_id());
  eos_ = named_id(config.eos, with_prefix_.eos_id());
  for (const int32_t id : {bos_, eos_}) {
    if (id < 0 || added_.contains(id)) continue;
    add_token({.content = with_prefix_.IdToPiece(id), .id = id, .special = true});
  }
  for (const std::string& name : config.special) {
    const int32_t id = token_to_id(name);
    if (id < 0 || added_.contains(id)) continue;
    add_token({.content = name, .id = id, .special = true});
  }
  add_bos_ = config.add_bos.value_or(true) && bos_ >= 0;
  add_eos_ = config.add_eos.value_or(false) && eos_ >= 0;
  legacy_ = config.legacy.value_or(true);
  return {};
}

void SentencePieceTokenizer::add_token(const AddedToken& token) {
  if (!added_.try_emplace(token.id, token).second) return;
  added_ids_.try_emplace(token.content, token.id);
  matcher_.add(token, token.content);
  vocab_size_ = std::max(vocab_size_, token.id + 1);
}

int32_t SentencePieceTokenizer::named_id(const std::optional<std::string>& name,
                                         int32_t fallback) const {
  const int32_t id = name ? token_to_id(*name) : -1;
  return id >= 0 ? id : fallback;
}

// A code point that fell back to bytes: SentencePiece gives its whole range to the last byte.
void spread_bytes(std::vector<Token>& tokens, size_t first, ByteRange whole) {
  const size_t count = tokens.size() - first;
  for (size_t i = 0; i < count; ++i) {
    tokens[first + i].range =
        whole.end - whole.begin == count ? ByteRange{whole.begin + i, whole.begin + i + 1} : whole;
  }
}

void SentencePieceTokenizer::encode_segment(std::string_view segment, size_t base, bool first,
                                            std::vector<Token>& out) const {
  if (segment.empty()) return;
  sentencepiece::ImmutableSentencePieceText result;
  const auto status = processor(first).Encode(segment, result.mutable_proto());
  if (!status.ok()) throw std::runtime_error("SentencePiece: " + status.ToString());
  size_t run = out.size();  // first token of the bytes that are still without a range
  for (const auto& piece : result.pieces()) {
    const auto id = static_cast<int32_t>(piece.id());
    const ByteRange range = {base + piece.begin(), base + piece.end()};
    out.push_back({id, range});
    if (!with_prefix_.IsByte(id)) {
      run = out.size();
    } else if (range.begin != range.end) {
      spread_bytes(out, run, range);
      run = out.size();
    }
  }
}

std::vector<Token> SentencePieceTokenizer::encode(std::string_view text, bool add_special) const {
  if (find_invalid_utf8(text)) throw std::logic_error("Tokenizer::encode(): not valid UTF-8");
  std::vector<Token> out;
  if (add_special && add_bos_) out.push_back({bos_, {}});
  size_t begin = 0;
  for (const auto& match : matcher_.find(text)) {
    encode_segment(text.substr(begin, match.range.begin - begin), begin, begin == 0, out);
    out.push_back({match.id, match.range});
    begin = match.range.end;
  }
  encode_segment(text.substr(begin), begin, begin == 0, out);
  if (add_special && add_eos_) out.push_back({eos_, {text.size(), text.size()}});
  return out;
}

void SentencePieceTokenizer::decode_run(std::vector<int>& run, bool& first,
                                        std::string& out) const {
  if (run.empty()) return;
  std::string text;
  const auto status = processor(first).Decode(run, &text);
  if (!status.ok()) throw std::logic_error("SentencePiece: " + status.ToString());
  out += text;
  run.clear();
  first = false;
}

std::string SentencePieceTokenizer::decode(const std::vector<int32_t>& ids,
                                           bool skip_special) const {
  std::string out;
  std::vector<int> run;
  bool first = true;
  for (const int32_t id : ids) {
    const bool special = is_special(id);
    if (is_piece(id) && !special && !added_.contains(id)) {
      run.push_back(id);
      continue;
    }
    decode_run(run, first, out);
    if (!special || !skip_special) {
      out += id_to_token(id);
      first = false;
    }
  }
  decode_run(run, first, out);
  return out;
}

int32_t SentencePieceTokenizer::token_to_id(std::string_view piece) const {
  const auto added = added_ids_.find(std::string(piece));
  if (added != added_ids_.end()) return added->second;
  const int id = with_prefix_.PieceToId(piece);
  // An unknown piece gets the id of <unk>.
  return is_piece(id) && with_prefix_.IdToPiece(id) == piece ? id : -1;
}

std::string SentencePieceTokenizer::id_to_token(int32_t id) const {
  const auto added = added_.find(id);
  if (added != added_.end()) return added->second.content;
  return is_piece(id) ? with_prefix_.IdToPiece(id) : "";
}

bool SentencePieceTokenizer::is_special(int32_t id) const {
  const auto added = added_.find(id);
  if (added != added_.end() && added->second.special) return true;
  return is_piece(id) && (with_prefix_.IsControl(id) || with_prefix_.IsUnknown(id));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_sentencepiece(ModelFolder files) {
  return SentencePieceTokenizer::load(std::move(files));
}

}  // namespace relata::text
