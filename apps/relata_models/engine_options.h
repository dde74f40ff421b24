// The flags by which `generate` and `score` choose a model, and their batches of JSONL requests.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "io/command_io.h"
#include "relata/base/result.h"
#include "relata/engine/native.h"
#include "relata/generate/engine.h"
#include "relata/text/chat.h"

namespace relata::app {

struct EngineOptions {
  std::string model;
  std::string adapter;
  std::string dtype = "auto";
  bool any_base = false;  // of the adapter
  bool packed = false;    // quantised weights stay so
  int batch = 256;
  std::vector<std::string> inputs;
  std::string output;
};

void add_engine_options(CLI::App& verb, EngineOptions& options);
void add_packed_option(CLI::App& verb, bool& packed);
void add_any_base_option(CLI::App& verb, bool& any_base);

// Whether models can run on --device, before anything is read for them.
Status check_device(const Context& context);

Result<std::unique_ptr<generate::Engine>> open_engine(const engine::NativeEngineOptions& options,
                                                      const Context& context);
Result<std::unique_ptr<generate::Engine>> open_engine(const EngineOptions& options,
                                                      const Context& context);

// Request lines as JSON objects.
struct RequestLine {
  Json value;
  std::string where;
};
Result<std::vector<RequestLine>> read_requests(const std::vector<std::string>& inputs,
                                               const std::string& example = R"({"prompt": "..."})");

// The ids of a text, through the tokenizer.
Result<std::vector<int32_t>> text_ids(const generate::Engine& engine, const std::string& text,
                                      bool add_special, const std::string& where);
// Error: the model does not take so many tokens, of prompt and answer, at once. Asked of every
// request before the first is computed, so that no work is lost.
Status check_length(const generate::Engine& engine, size_t tokens, const std::string& where);

// The prompts of requests: "prompt", "prompt_ids", or "messages", which the model's own chat
// template writes.
class PromptReader {
 public:
  // Borrows the engine; `model` is the folder or file that it was opened from.
  PromptReader(const generate::Engine& engine, std::string model)
      : engine_(engine), model_(std::move(model)) {}
  Result<std::vector<int32_t>> read(const RequestLine& line);

 private:
  Result<std::vector<int32_t>> read_messages(const RequestLine& line);

  const generate::Engine& engine_;
  std::string model_;
  std::optional<text::CheckpointChat> chat_;  // read when it is first asked for
};

// Turns the message of a request's field reader into a bad-input error.
Status as_input(const Status& status);

// Runs requests in batches, in order, and hands the lines of each finished batch to the output:
// at once for standard output, at the end for a file.
class BatchRunner {
 public:
  BatchRunner(const EngineOptions& options, std::string label)
      : options_(options), label_(std::move(label)) {}
  // `ask(batch, progress)` has the engine answer some of the requests, one of each line, and
  // `to_json(result)` is the line of one answer.
  template <class Request, class Ask, class ToJson>
  Status run(const std::vector<RequestLine>& lines, const std::vector<Request>& requests,
             const Ask& ask, const ToJson& to_json) {
    return run_batches(lines,
                       [&](size_t begin, size_t end,
                           const generate::EngineProgress& progress) -> Result<std::vector<Json>> {
                         const auto first = requests.begin();
                         const std::vector<Request> batch(first + static_cast<int64_t>(begin),
                                                          first + static_cast<int64_t>(end));
                         RELATA_TRY(const auto results, ask(batch, progress));
                         std::vector<Json> answers;
                         answers.reserve(results.size());
                         for (const auto& result : results) answers.push_back(to_json(result));
                         return answers;
                       });
  }

 private:
  // Answers requests [begin, end) with one JSON per request.
  using RunBatch = std::function<Result<std::vector<Json>>(size_t begin, size_t end,
                                                           const generate::EngineProgress&)>;
  Status run_batches(const std::vector<RequestLine>& lines, const RunBatch& run_batch);

  const EngineOptions& options_;
  std::string label_;
};

}  // namespace relata::app
