// The flags by which `extract` chooses what answers its prompts.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/extract/extractor.h"
#include "relata/generate/engine.h"

namespace relata::app {

struct BackendOptions {
  std::string backend = "native";  // or "openai"
  bool packed = false;             // of the native engine: quantised weights stay so
  bool any_base = false;           // of it: adapters may say that they are of another base
  std::string url;
  std::string model;
  std::string api = "completions";
  int connections = 8;
  double timeout = 120.0;
  int retries = 4;
  std::vector<double> price;  // of a million tokens of prompts, and of answers; empty: not stated
};

void add_backend_options(CLI::App& verb, BackendOptions& options);

// Whether the backend can decode this way. `lists`: a document pipeline's answers, whose form a
// server can be asked to keep to. Looks at the options only.
Status check_backend(const BackendOptions& options, const std::string& decode, bool lists);

// The extractor's model in this process, or the server.
Result<std::unique_ptr<generate::Engine>> open_backend(const BackendOptions& options,
                                                       const extract::Extractor& extractor,
                                                       const Context& context);

// What the run took, for people: requests, tokens and their price where a server answered.
void report_usage(const BackendOptions& options, const generate::Engine& engine);

}  // namespace relata::app
