// The flags by which verbs choose how an encoder makes vectors.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "relata/retrieve/encoder.h"

namespace relata::app {

struct EncoderFlags {
  std::string model;
  std::string dtype = "float32";
  size_t max_tokens = 0;  // 0: as the folder says
  std::string pooling;    // "": as the folder says
  std::optional<std::string> query_prefix, passage_prefix;
};

// All but the model's.
void add_encoder_flags(CLI::App& verb, EncoderFlags& flags);

retrieve::EncoderOptions encoder_options(const EncoderFlags& flags);

}  // namespace relata::app
