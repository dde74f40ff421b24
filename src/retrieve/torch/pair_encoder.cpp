#include "pair_encoder.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <utility>

#include "encoder_folder.h"
#include "relata/base/hash.h"
#include "relata/model/damage.h"
#include "relata/model/identity.h"
#include "relata/model/vocabulary.h"

namespace relata::retrieve {
namespace {

// How many tokens stay of two texts that have `room` together: the longer one loses first, as with
// Hugging Face's "longest_first".
std::pair<size_t, size_t> shares(size_t first, size_t second, size_t room) {
  if (first + second <= room) return {first, second};
  size_t shorter = std::min(first, second);
  size_t longer = std::max(shorter, room - std::min(room, shorter));
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = room - shorter;
  }
  return first > second ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

// A model of `config`, which has a head, with the weights of `from`, which has none.
std::shared_ptr<model::Decoder> with_fresh_head(const model::DecoderConfig& config,
                                                const model::Decoder& from, uint64_t seed) {
  at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> known;
  for (const auto& parameter : from.trainable()) known[parameter.name] = parameter.value;
  auto out = model::Decoder::random(config, seed);
  for (const auto& parameter : out->trainable()) {
    const auto found = known.find(parameter.name);
    if (found != known.end()) at::Tensor(parameter.value).copy_(found->second);
  }
  out->to(from.device());
  return out;
}

Error not_one_label(const std::string& folder, const model::DecoderConfig& config) {
  return usage_error(folder + ": a cross-encoder needs a head of one label, this has " +
                         std::to_string(config.labels),
                     "give a model made for ranking pairs, or train one");
}

}  // namespace

Result<std::unique_ptr<PairEncoder>> PairEncoder::load(const CrossEncoderOptions& options) {
  RELATA_TRY(const model::DecoderConfig config, model::read_decoder_config(options.model));
  if (config.labels != 1) return not_one_label(options.model, config);
  model::LoadOptions how;
  how.dtype = options.dtype;
  RELATA_TRY(auto model, model::Decoder::load(options.model, how));
  RELATA_CHECK(model::check_weights(*model));
  return with(std::move(model), options);
}

Result<std::unique_ptr<PairEncoder>> PairEncoder::begin(const CrossEncoderOptions& options,
                                                        uint64_t seed) {
  RELATA_TRY(model::DecoderConfig config, model::read_decoder_config(options.model));
  if (config.labels == 1) return load(options);
  if (config.labels > 1) return not_one_label(options.model, config);
  RELATA_CHECK(model::check_one_stack(config, options.model, "judge pairs of texts"));
  if (config.causal) {
    return usage_error(options.model + ": is no encoder: it cannot read two texts together",
                       "give a model of BERT's family");
  }
  model::LoadOptions how;
  how.dtype = options.dtype;
  RELATA_TRY(const auto headless, model::Decoder::load(options.model, how));
  RELATA_CHECK(model::check_weights(*headless));
  config.labels = 1;
  RELATA_TRY(auto out, with(with_fresh_head(config, *headless, seed), options));
  out->identity_ = "sha256:" + sha256_hex(out->identity_ + "\nhead " + std::to_string(seed));
  return out;
}

Result<std::unique_ptr<PairEncoder>> PairEncoder::with(std::shared_ptr<model::Decoder> model,
                                                       const CrossEncoderOptions& options) {
  std::unique_ptr<PairEncoder> out(new PairEncoder());
  const std::string& folder = options.model;
  const model::DecoderConfig& config = model->config();
  out->model_ = std::move(model);
  RELATA_TRY(out->tokenizer_, text::load_tokenizer(folder));
  RELATA_CHECK(model::check_vocabulary(*out->tokenizer_, config.vocab_size, folder));
  RELATA_TRY(out->frame_, find_frame(*out->tokenizer_, folder));
  out->between_ = out->frame_.after;
  // RoBERTa's kind parts two texts by two separators.
  if (config.position_offset > 0) {
    out->between_.insert(out->between_.end(), out->frame_.after.begin(), out->frame_.after.end());
  }
  const auto positions = static_cast<size_t>(model::most_positions(config));
  RELATA_TRY(const size_t own, tokenizer_length(folder));
  const size_t length = options.max_tokens == 0 ? own : options.max_tokens;
  out->max_tokens_ = length == 0 ? positions : std::min(length, positions);
  if (out->max_tokens_ <= out->frame_.size() + out->between_.size() + 1) {
    return usage_error(folder + ": " + std::to_string(out->max_tokens_) +
                       " tokens leave no room for two texts");
  }
  RELATA_TRY(const std::string weights, model::model_identity({folder, "", options.dtype}));
  out->identity_ = "sha256:" + sha256_hex(weights + "\npairs " + std::to_string(out->max_tokens_));
  return out;
}

PairEncoder::PairIds PairEncoder::ids_of(const TextPair& pair) const {
  const std::vector<int32_t> first = tokenizer_->encode_ids(pair.first, false);
  const std::vector<int32_t> second = tokenizer_->encode_ids(pair.second, false);
  const auto [of_first, of_second] =
      shares(first.size(), second.size(), max_tokens_ - frame_.size() - between_.size());
  PairIds out;
  const auto add = [&](const std::vector<int32_t>& ids, size_t count) {
    out.ids.insert(out.ids.end(), ids.begin(), ids.begin() + static_cast<int64_t>(count));
  };
  add(frame_.before, frame_.before.size());
  add(first, of_first);
  add(between_, between_.size());
  out.first = out.ids.size();
  add(second, of_second);
  add(frame_.after, frame_.after.size());
  return out;
}

size_t PairEncoder::count_tokens(const std::string& text) const {
  return tokenizer_->encode_ids(text, false).size();
}

Status PairEncoder::save(const std::string& folder) const {
  RELATA_CHECK(model_->save(folder));
  return tokenizer_->save(folder);
}

at::Tensor PairEncoder::scores(const std::vector<PairIds>& pairs,
                               const PassSettings& settings) const {
  std::vector<std::vector<int32_t>> sequences;
  sequences.reserve(pairs.size());
  for (const PairIds& pair : pairs) sequences.push_back(pair.ids);
  model::Pass pass = model::Pass::of(sequences);
  std::vector<int64_t> begins;
  for (const nn::Segment& s : pass.segments) begins.push_back(s.begin);
  pass.rows = at::tensor(begins, at::kLong);
  pass.dropout = settings.dropout;
  pass.dropout_seed = settings.dropout_seed;
  pass.gradient_checkpointing = settings.gradient_checkpointing;
  if (model_->config().token_types > 1) {
    pass.types = at::zeros_like(pass.ids);
    auto* types = pass.types.data_ptr<int64_t>();
    for (size_t i = 0; i < pairs.size(); ++i) {
      const nn::Segment& s = pass.segments[i];
      std::fill(types + s.begin + pairs[i].first, types + s.begin + s.length, int64_t{1});
    }
  }
  return model_->label_logits(model_->forward(pass)).squeeze(1).cpu();
}

Result<std::vector<float>> PairEncoder::score(std::span<const TextPair> pairs) const {
  at::NoGradGuard no_grad;
  std::vector<PairIds> ids;
  std::vector<size_t> lengths;
  for (const TextPair& pair : pairs) {
    ids.push_back(ids_of(pair));
    lengths.push_back(ids.back().ids.size());
  }
  std::vector<float> out(pairs.size());
  by_length(lengths, [&](const std::vector<size_t>& batch) {
    std::vector<PairIds> chosen;
    for (const size_t i : batch) chosen.push_back(std::move(ids[i]));
    const at::Tensor found = scores(chosen).contiguous();
    for (size_t i = 0; i < batch.size(); ++i) out[batch[i]] = found.data_ptr<float>()[i];
  });
  if (!all_finite(out)) return model::not_a_number(*model_);
  return out;
}

Result<std::unique_ptr<CrossEncoder>> make_cross_encoder(const CrossEncoderOptions& options) {
  RELATA_TRY(auto encoder, PairEncoder::load(options));
  encoder->model()->keep_packed_only();
  return std::unique_ptr<CrossEncoder>(std::move(encoder));
}

}  // namespace relata::retrieve
