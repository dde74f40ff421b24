// The verbs of the program. Each add_*_command() declares one verb on the root app; when the user
// chose it, parsing leaves the work in Context::action, which main() runs afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/retrieve/encoder.h"

namespace relata::app {

constexpr int kDone = 0;
constexpr int kSomeFailed = 4;  // done, but some items failed and were listed
constexpr int kInterrupted = 130;

// The shared flags and the chosen work.
struct Context {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool no_progress = false;
  int threads = 0;  // 0: as many as the machine offers
  std::string device = "cpu";
  uint64_t seed = 0;
  bool seed_given = false;  // by the flag or the environment
  std::string log_file;
  std::function<Result<int>()> action;  // the exit code of a run without an Error
  // To be called before anything is read from standard input or written: where this program has no
  // models, another one begins the command line anew.
  Result<std::unique_ptr<retrieve::Encoder>> (*open_encoder)(const retrieve::EncoderOptions&) =
      nullptr;
};

// The overrides of a configuration with the shared flags that have a key there before them.
std::vector<std::string> with_shared_flags(const Context& context,
                                           std::vector<std::string> overrides);

void add_train_command(CLI::App& app, Context& context);
void add_extract_command(CLI::App& app, Context& context);
void add_calibrate_command(CLI::App& app, Context& context);
void add_evaluate_command(CLI::App& app, Context& context);
void add_generate_command(CLI::App& app, Context& context);
void add_score_command(CLI::App& app, Context& context);
void add_serve_command(CLI::App& app, Context& context);
void add_encode_command(CLI::App& app, Context& context);
void add_retriever_command(CLI::App& app, Context& context);
void add_data_command(CLI::App& app, Context& context);
void add_schema_command(CLI::App& app, Context& context);
void add_graph_command(CLI::App& app, Context& context);
void add_index_command(CLI::App& app, Context& context);
void add_tokenizer_command(CLI::App& app, Context& context);
void add_tokenizer_chat_command(CLI::App& tokenizer, Context& context);  // below `tokenizer`
void add_model_command(CLI::App& app, Context& context);
void add_pull_command(CLI::App& app, Context& context);
void add_doctor_command(CLI::App& app, Context& context);
void add_completion_command(CLI::App& app, Context& context);

std::string program_version();  // "0.1.0"

// What Ctrl-C prints after "relata: interrupted"; a string literal, since a signal handler reads
// it.
void set_interrupt_hint(const char* hint);

}  // namespace relata::app
