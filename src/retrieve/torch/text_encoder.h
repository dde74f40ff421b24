// The encoder over a model of LibTorch, and what its training needs of it.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "encoder_folder.h"
#include "pass_settings.h"
#include "relata/model/decoder.h"
#include "relata/retrieve/encoder.h"
#include "relata/text/tokenizer.h"
#include "text_frame.h"

namespace relata::retrieve {

// legend: S sequences of a batch, D width.

// One vector for each sequence of `pass` from its tokens' states. Differentiable.
at::Tensor pooled(const model::Decoder& model, model::Pass pass, Pooling pooling);

class TextEncoder final : public Encoder {
 public:
  static Result<std::unique_ptr<TextEncoder>> load(const EncoderOptions& options);

  Result<Vectors> encode(std::span<const std::string> texts, TextRole role,
                         const EncodeProgress& progress) const override;
  size_t width() const override { return static_cast<size_t>(model_->config().hidden_size); }
  size_t max_tokens() const override { return settings_.max_tokens; }
  const std::string& identity() const override { return identity_; }

  // A text's ids with its prefix and special tokens, at most max_tokens().
  std::vector<int32_t> ids_of(const std::string& text, TextRole role) const;
  // [S, D] float32; differentiable when gradients are enabled.
  at::Tensor vectors(const std::vector<std::vector<int32_t>>& sequences,
                     const PassSettings& settings = {}) const;
  // A folder of sentence-transformers, which load() reads and so do others.
  Status save(const std::string& folder) const;
  const std::shared_ptr<model::Decoder>& model() const { return model_; }

 private:
  TextEncoder() = default;
  EncoderSettings settings_;
  std::shared_ptr<model::Decoder> model_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  TextFrame frame_;
  std::string identity_;
};

}  // namespace relata::retrieve
