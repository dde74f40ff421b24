// The configuration that a GGUF file's metadata states.
#pragma once

#include "relata/base/gguf.h"
#include "relata/model/config.h"

namespace relata::model {

// Errors: an architecture that is not supported (named), a missing or absurd size.
Result<DecoderConfig> decoder_config_from_gguf(const GgufFile& file);

inline constexpr const char* kDamaged = "the file is damaged or was made wrongly; get it again";

// What llama.cpp multiplies scores by, which files do not state.
double gguf_attention_scale(const DecoderConfig& config);

// The same as metadata, without the tokenizer's.
Result<GgufMetadata> decoder_config_to_gguf(const DecoderConfig& config, const std::string& name);

}  // namespace relata::model
