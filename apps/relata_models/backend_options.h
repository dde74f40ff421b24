// The flags by which `extract` chooses what answers its prompts.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "commands.h"
#include "relata/extract/extractor.h"
#include "relata/generate/engine.h"

namespace relata::app {

struct BackendOptions {
  std::string backend = "native";  // or "openai"
  bool packed = false;             // of the native engine: quantised weights stay so
  std::string url;
  std::string model;
  std::string api = "completions";
  int connections = 8;
  double timeout = 120.0;
  int retries = 4;
};

void add_backend_options(CLI::App& verb, BackendOptions& options);

// Whether the backend can decode this way ("labels" or "free"). Looks at the options only.
Status check_backend(const BackendOptions& options, const std::string& decode);

// The extractor's model in this process, or the server.
Result<std::unique_ptr<generate::Engine>> open_backend(const BackendOptions& options,
                                                       const extract::Extractor& extractor,
                                                       const Context& context);

}  // namespace relata::app
