#include "text_encoder.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "relata/base/hash.h"
#include "relata/model/damage.h"
#include "relata/model/identity.h"
#include "relata/model/vocabulary.h"

namespace relata::retrieve {
namespace {

// Texts whose ids are held at once.
constexpr size_t kTextsTogether = 8192;
constexpr double kShortest = 1e-12;  // of a vector that is divided by its length

// What is computed lies where the model does; vectors are few numbers and go on on the CPU.
at::Tensor on_cpu(const at::Tensor& vectors) { return vectors.to(at::kCPU, at::kFloat); }

// The sequence of each row [N].
at::Tensor owners(const nn::Segments& segments, int64_t rows) {
  at::Tensor out = at::empty({rows}, at::kLong);
  auto* owner = out.data_ptr<int64_t>();
  for (size_t s = 0; s < segments.size(); ++s) {
    std::fill_n(owner + segments[s].begin, segments[s].length, static_cast<int64_t>(s));
  }
  return out;
}

at::Tensor sums(const at::Tensor& states, const nn::Segments& segments, double power) {
  std::vector<float> scale;
  for (const nn::Segment& s : segments) {
    scale.push_back(static_cast<float>(std::pow(static_cast<double>(s.length), -power)));
  }
  const at::Tensor states32 = states.to(at::kFloat);
  const at::Tensor zero =
      at::zeros({static_cast<int64_t>(segments.size()), states.size(1)}, states32.options());
  const at::Tensor owner = owners(segments, states.size(0)).to(states.device());
  return on_cpu(zero.index_add(0, owner, states32)) * at::tensor(scale, at::kFloat).unsqueeze(1);
}

at::Tensor maxima(const at::Tensor& states, const nn::Segments& segments) {
  std::vector<at::Tensor> rows;
  for (const nn::Segment& s : segments) {
    rows.push_back(std::get<0>(states.narrow(0, s.begin, s.length).to(at::kFloat).max(0)));
  }
  return on_cpu(at::stack(rows));
}

}  // namespace

at::Tensor pooled(const model::Decoder& model, model::Pass pass, Pooling pooling) {
  const nn::Segments& segments = pass.segments;
  if (pooling == Pooling::Cls || pooling == Pooling::LastToken) {
    std::vector<int64_t> rows;
    for (const nn::Segment& s : segments) {
      rows.push_back(pooling == Pooling::Cls ? s.begin : s.begin + s.length - 1);
    }
    pass.rows = at::tensor(rows, at::kLong);
    return on_cpu(model.forward(pass));
  }
  const at::Tensor states = model.forward(pass);
  if (pooling == Pooling::Max) return maxima(states, segments);
  return sums(states, segments, pooling == Pooling::Mean ? 1.0 : 0.5);
}

Result<std::unique_ptr<TextEncoder>> TextEncoder::load(const EncoderOptions& options) {
  std::unique_ptr<TextEncoder> out(new TextEncoder());
  RELATA_TRY(out->settings_, read_encoder_settings(options));
  const std::string& folder = out->settings_.transformer;
  model::LoadOptions how;
  how.dtype = options.dtype;
  RELATA_TRY(const auto shape, model::read_decoder_config(folder));
  RELATA_CHECK(model::check_one_stack(shape, folder, "make vectors"));
  RELATA_TRY(out->model_, model::Decoder::load(folder, how));
  RELATA_CHECK(model::check_weights(*out->model_));
  RELATA_TRY(out->tokenizer_, text::load_tokenizer(folder));
  const model::DecoderConfig& config = out->model_->config();
  RELATA_CHECK(model::check_vocabulary(*out->tokenizer_, config.vocab_size, folder));
  RELATA_TRY(out->frame_, find_frame(*out->tokenizer_, folder));
  const auto positions = static_cast<size_t>(model::most_positions(config));
  size_t& length = out->settings_.max_tokens;
  length = length == 0 ? positions : std::min(length, positions);
  if (length <= out->frame_.size()) {
    return usage_error(folder + ": " + std::to_string(length) + " tokens leave no room for a text");
  }
  RELATA_TRY(const std::string weights, model::model_identity({folder, "", options.dtype}));
  out->identity_ = "sha256:" + sha256_hex(weights + "\n" + settings_text(out->settings_));
  return out;
}

std::vector<int32_t> TextEncoder::ids_of(const std::string& text, TextRole role) const {
  const std::string& prefix =
      role == TextRole::Query ? settings_.query_prefix : settings_.passage_prefix;
  return frame_.around(tokenizer_->encode_ids(prefix + text, false),
                       settings_.max_tokens - frame_.size());
}

at::Tensor TextEncoder::vectors(const std::vector<std::vector<int32_t>>& sequences,
                                const PassSettings& settings) const {
  model::Pass pass = model::Pass::of(sequences);
  pass.dropout = settings.dropout;
  pass.dropout_seed = settings.dropout_seed;
  pass.gradient_checkpointing = settings.gradient_checkpointing;
  const at::Tensor out = pooled(*model_, std::move(pass), settings_.pooling);
  if (!settings_.normalise) return out;
  return out / out.norm(2, 1, true).clamp_min(kShortest);
}

Status TextEncoder::save(const std::string& folder) const {
  RELATA_CHECK(model_->save(folder));
  RELATA_CHECK(tokenizer_->save(folder));
  return write_encoder_settings(settings_, width(), folder);
}

Result<Vectors> TextEncoder::encode(std::span<const std::string> texts, TextRole role,
                                    const EncodeProgress& progress) const {
  at::NoGradGuard no_grad;
  const size_t width = this->width();
  Vectors out{width, std::vector<float>(texts.size() * width)};
  for (size_t begin = 0; begin < texts.size(); begin += kTextsTogether) {
    const size_t end = std::min(texts.size(), begin + kTextsTogether);
    std::vector<std::vector<int32_t>> ids;
    std::vector<size_t> lengths;
    for (size_t i = begin; i < end; ++i) {
      ids.push_back(ids_of(texts[i], role));
      lengths.push_back(ids.back().size());
    }
    size_t done = begin;
    by_length(lengths, [&](const std::vector<size_t>& batch) {
      std::vector<std::vector<int32_t>> chosen;
      for (const size_t i : batch) chosen.push_back(std::move(ids[i]));
      const at::Tensor rows = vectors(chosen).contiguous();
      for (size_t i = 0; i < batch.size(); ++i) {
        std::copy_n(rows.data_ptr<float>() + i * width, width,
                    out.values.data() + (begin + batch[i]) * width);
      }
      done += batch.size();
      if (progress) progress(done);
    });
    const auto made = std::span(out.values).subspan(begin * width, (end - begin) * width);
    if (!all_finite(made)) return model::not_a_number(*model_);
  }
  return out;
}

Result<std::unique_ptr<Encoder>> make_encoder(const EncoderOptions& options) {
  RELATA_TRY(auto encoder, TextEncoder::load(options));
  encoder->model()->keep_packed_only();
  return std::unique_ptr<Encoder>(std::move(encoder));
}

}  // namespace relata::retrieve
