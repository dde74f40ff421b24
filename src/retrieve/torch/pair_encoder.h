// The cross-encoder over a model of LibTorch, and what its training needs of it.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "pass_settings.h"
#include "relata/model/decoder.h"
#include "relata/retrieve/cross_encoder.h"
#include "text_frame.h"

namespace relata::retrieve {

class PairEncoder final : public CrossEncoder {
 public:
  static Result<std::unique_ptr<PairEncoder>> load(const CrossEncoderOptions& options);
  // The same for training: an encoder that has no head gets a fresh one, as `seed` says.
  static Result<std::unique_ptr<PairEncoder>> begin(const CrossEncoderOptions& options,
                                                    uint64_t seed);

  Result<std::vector<float>> score(std::span<const TextPair> pairs) const override;
  const std::string& identity() const override { return identity_; }

  struct PairIds {
    std::vector<int32_t> ids;
    size_t first = 0;  // so many belong to the first text
  };
  PairIds ids_of(const TextPair& pair) const;
  // [S] float32; differentiable when gradients are enabled.
  at::Tensor scores(const std::vector<PairIds>& pairs, const PassSettings& settings = {}) const;
  size_t count_tokens(const std::string& text) const;  // of one text, without special tokens
  size_t special_tokens() const { return frame_.size() + between_.size(); }  // of a pair
  size_t max_tokens() const { return max_tokens_; }
  // A folder of Transformers, which load() reads and so do others.
  Status save(const std::string& folder) const;
  const std::shared_ptr<model::Decoder>& model() const { return model_; }

 private:
  PairEncoder() = default;
  static Result<std::unique_ptr<PairEncoder>> with(std::shared_ptr<model::Decoder> model,
                                                   const CrossEncoderOptions& options);
  std::shared_ptr<model::Decoder> model_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  TextFrame frame_;
  std::vector<int32_t> between_;
  size_t max_tokens_ = 0;
  std::string identity_;
};

}  // namespace relata::retrieve
