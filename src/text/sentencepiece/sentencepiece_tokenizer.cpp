#include "sentencepiece_tokenizer.h"

#include <algorithm>

#include "sentencepiece_model.h"
#include "tokenizer_base.h"

namespace relata::text {
namespace {

class SentencePieceTokenizer : public TokenizerBase {
 public:
  SentencePieceTokenizer(ModelFolder files, std::unique_ptr<SentencePieceModel> model)
      : TokenizerBase(std::move(files)), model_(std::move(model)) {}
  Status configure(const std::string& file);

  std::string decode(const std::vector<int32_t>& ids, bool skip_special) const override;
  bool is_special(int32_t id) const override;
  std::string token_bytes(int32_t id) const override;
  std::string kind() const override { return "sentencepiece-" + model_->type_name(); }

 protected:
  void encode_segment(std::string_view segment, size_t base, Workspace& workspace,
                      std::vector<Token>& out) const override {
    model_->encode(segment, base, prefix_ && (base == 0 || legacy_), workspace, out);
  }
  int32_t piece_to_id(std::string_view piece) const override { return model_->piece_to_id(piece); }
  std::string_view id_to_piece(int32_t id) const override {
    return is_piece(id) ? std::string_view(model_->piece(id).text) : std::string_view();
  }

 private:
  bool is_piece(int32_t id) const { return id >= 0 && id < model_->size(); }
  int32_t named_id(const std::optional<std::string>& name, const std::string& own) const;
  void add_extra_ids(int64_t count);

  std::unique_ptr<SentencePieceModel> model_;
  bool legacy_ = true;
  bool prefix_ = true;  // the model's own rule of a space before the text counts
};

Status SentencePieceTokenizer::configure(const std::string& file) {
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files_));
  need_id(model_->size() - 1);
  for (const AddedToken& token : config.added) add_token(token);
  bos_ = named_id(config.bos, model_->proto().bos);
  eos_ = named_id(config.eos, model_->proto().eos);
  for (const int32_t id : {bos_, eos_}) {
    if (id >= 0) add_token({.content = id_to_token(id), .id = id, .special = true});
  }
  const bool is_t5 = config.tokenizer_class.find("T5") != std::string::npos;
  if (is_t5) add_extra_ids(config.extra_ids);
  add_named(config.special);
  for (AddedToken token : config.named) {
    if (token_to_id(token.content) >= 0 || vocab_size() >= kIdLimit) continue;
    token.id = vocab_size();
    add_token(token);
  }
  bos_ = named_id(config.bos, model_->proto().bos);
  eos_ = named_id(config.eos, model_->proto().eos);
  legacy_ = config.legacy.value_or(true);
  prefix_ = config.prefix_space.value_or(true);
  // T5's kin end every text with </s> and have no BOS.
  const bool ends = is_t5 || config.tokenizer_class.find("Pegasus") != std::string::npos ||
                    (config.tokenizer_class.empty() && file == "spiece.model" && bos_ < 0);
  if (config.add_bos.value_or(!ends) && bos_ >= 0) frame_.before = {bos_};
  if (config.add_eos.value_or(ends) && eos_ >= 0) frame_.after = {eos_};
  return set_stops(config);
}

// T5's sentinels, the first of which has the last id; those that the folder lists are there
// already.
void SentencePieceTokenizer::add_extra_ids(int64_t count) {
  constexpr int64_t kMost = 10'000;
  const int32_t first = model_->size();
  for (int64_t i = std::min(count, kMost) - 1; i >= 0; --i) {
    const std::string content = "<extra_id_" + std::to_string(i) + ">";
    const auto id = static_cast<int32_t>(first + std::min(count, kMost) - 1 - i);
    if (token_to_id(content) < 0) add_token({.content = content, .id = id, .special = true});
  }
}

int32_t SentencePieceTokenizer::named_id(const std::optional<std::string>& name,
                                         const std::string& own) const {
  const int32_t id = name ? token_to_id(*name) : -1;
  return id >= 0 ? id : model_->control_id(own);
}

bool SentencePieceTokenizer::is_special(int32_t id) const {
  if (TokenizerBase::is_special(id)) return true;
  if (!is_piece(id)) return false;
  const int kind = model_->piece(id).kind;
  return kind == SentencePieceProto::kControl || kind == SentencePieceProto::kUnknown;
}

std::string SentencePieceTokenizer::token_bytes(int32_t id) const {
  if (is_special(id)) return "";
  if (const AddedToken* token = added(id)) return token->content;
  return is_piece(id) ? model_->piece_bytes(id) : std::string();
}

std::string SentencePieceTokenizer::decode(const std::vector<int32_t>& ids,
                                           bool skip_special) const {
  std::string out;
  std::vector<int32_t> run;
  bool first = true;
  const auto flush = [&] {
    if (run.empty()) return;
    model_->decode(run, prefix_ && (first || legacy_), out);
    run.clear();
    first = false;
  };
  for (const int32_t id : ids) {
    const bool special = is_special(id);
    if (is_piece(id) && !special && added(id) == nullptr) {
      run.push_back(id);
      continue;
    }
    flush();
    if (special && skip_special) continue;
    out += id_to_token(id);
    first = false;
  }
  flush();
  return out;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_sentencepiece(ModelFolder files,
                                                            const std::string& name) {
  const std::string path = files.path(name);
  RELATA_TRY(SentencePieceProto proto, parse_sentencepiece(*files.find(name), path));
  RELATA_TRY(auto model, SentencePieceModel::make(std::move(proto), path));
  const auto tokenizer =
      std::make_shared<SentencePieceTokenizer>(std::move(files), std::move(model));
  RELATA_CHECK(tokenizer->configure(name));
  return std::shared_ptr<const Tokenizer>(tokenizer);
}

}  // namespace relata::text
