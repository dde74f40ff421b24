// What a sentence-transformers folder says about making vectors of a model's states.
#pragma once

#include <cstddef>
#include <string>

#include "relata/base/result.h"
#include "relata/retrieve/encoder.h"

namespace relata::retrieve {

enum class Pooling { Mean, Cls, Max, MeanSqrtLength, LastToken };

struct EncoderSettings {
  std::string transformer;  // folder of the model and its tokenizer
  Pooling pooling = Pooling::Mean;
  bool normalise = false;
  size_t max_tokens = 0;  // 0: as many as the model has positions
  std::string query_prefix, passage_prefix;
};

// `options` go before what the folder says. Errors name the file.
Result<EncoderSettings> read_encoder_settings(const EncoderOptions& options);

// The longest text by the folder's tokenizer_config.json, which counts where nothing else says it;
// 0: it says none, or a number that stands for none (Transformers writes 1e30).
Result<size_t> tokenizer_length(const std::string& folder);

// The files that read_encoder_settings() reads, beside a model of `width` in `folder`.
Status write_encoder_settings(const EncoderSettings& settings, size_t width,
                              const std::string& folder);

// Everything of the settings that decides a vector, as text that is stable.
std::string settings_text(const EncoderSettings& settings);

}  // namespace relata::retrieve
