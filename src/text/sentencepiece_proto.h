// The few fields of a serialized SentencePiece ModelProto that its library does not show.
#pragma once

#include <string>
#include <string_view>

namespace relata::text {

// "unigram", "bpe", "word" or "char"; "unigram", the format's default, when the model has no type.
std::string sentencepiece_model_type(std::string_view model);

// The same model, which puts no space before a text.
std::string without_dummy_prefix(std::string_view model);

}  // namespace relata::text
