#include "backend_options.h"

#include <fmt/format.h>

#include "engine_options.h"
#include "environment.h"
#include "help.h"
#include "model_places.h"
#include "relata/base/log.h"
#include "relata/generate/openai.h"

namespace relata::app {
namespace {

// Of extractors that ask no model.
class NoEngine : public generate::Engine {
 public:
  Result<std::vector<generate::GenerateResult>> generate(
      const std::vector<generate::GenerateRequest>&, const generate::EngineProgress&) override {
    return internal_error("a model is asked, and none is loaded");
  }
  Result<std::vector<generate::ScoreResult>> score(const std::vector<generate::ScoreRequest>&,
                                                   const generate::EngineProgress&) override {
    return internal_error("a model is asked, and none is loaded");
  }
  const text::Tokenizer* tokenizer() const override { return nullptr; }
  std::string model_id() const override { return "none"; }
};

constexpr const char* kServerGroup = "Options of --backend openai";

}  // namespace

void add_backend_options(CLI::App& verb, BackendOptions& options) {
  add_packed_option(verb, options.packed);
  add_any_base_option(verb, options.any_base);
  verb.add_option("--backend", options.backend,
                  "native (default): the extractor's model, here; openai: a server that speaks\n"
                  "OpenAI's HTTP interface answers the prompts")
      ->type_name("B")
      ->check(CLI::IsMember({"native", "openai"}));
  verb.add_option("--backend-url", options.url, "Its address, like http://localhost:8000/v1")
      ->envname("OPENAI_BASE_URL")
      ->type_name("URL")
      ->group(kServerGroup);
  verb.add_option("--backend-model", options.model,
                  "The model's name there (default: the only one it offers)")
      ->type_name("NAME")
      ->group(kServerGroup);
  verb.add_option("--backend-api", options.api,
                  "completions (default): the prompt as the extractor writes it; chat: the server\n"
                  "wraps it in its model's own chat template")
      ->type_name("A")
      ->check(CLI::IsMember({"completions", "chat"}))
      ->group(kServerGroup);
  verb.add_option("--backend-connections", options.connections,
                  "Requests under way at once (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->group(kServerGroup);
  verb.add_option("--backend-timeout", options.timeout, "Seconds for one request (default: 120)")
      ->type_name("S")
      ->check(number_in(NumberRange::between(0.001, 86400)))
      ->group(kServerGroup);
  verb.add_option("--backend-retries", options.retries,
                  "Further tries, with growing waits, after failures that may pass (default: 4)")
      ->type_name("N")
      ->check(CLI::Range(0, 100))
      ->group(kServerGroup);
  verb.add_option("--backend-price", options.price,
                  "What a million tokens of prompts and of answers cost: the run's cost is told")
      ->type_name("IN,OUT")
      ->expected(2)
      ->delimiter(',')
      ->check(number_in(NumberRange::at_least(0)))
      ->group(kServerGroup);
}

Status check_backend(const BackendOptions& options, const std::string& decode, bool lists) {
  if (options.backend == "native") return {};
  if (decode != "free" && !lists) {
    return usage_error(
        "--backend openai cannot score labels: such servers do not tell how probable a given "
        "answer is",
        "add --decode free, or leave --backend out");
  }
  if (options.url.empty()) {
    return usage_error("--backend openai: no server is named",
                       "give --backend-url, or set OPENAI_BASE_URL, to an address like "
                       "http://localhost:8000/v1");
  }
  return {};
}

Result<std::unique_ptr<generate::Engine>> open_backend(const BackendOptions& options,
                                                       const extract::Extractor& extractor,
                                                       const Context& context) {
  if (extract::needs_no_model(extractor)) {
    return std::unique_ptr<generate::Engine>(std::make_unique<NoEngine>());
  }
  if (options.backend == "native") {
    if (extractor.config.model.empty()) {
      return usage_error("no model is named",
                         "name one with -m, or a server with --backend openai");
    }
    engine::NativeEngineOptions native;
    RELATA_TRY(native.model, find_base(extractor));
    native.dequantize = !options.packed;
    native.any_base = options.any_base;
    native.quantize = extractor.config.quantization;
    native.double_quantization = extractor.config.double_quantization;
    if (const std::string adapter = extractor.adapter_path(); !adapter.empty()) {
      native.adapters.emplace_back(extractor.config.pipeline, adapter);
    }
    for (const auto& [name, folder] : extractor.adapter_paths()) {
      if (!extractor.config.adapters.empty()) native.adapters.emplace_back(name, folder);
    }
    return open_engine(native, context);
  }
  generate::OpenAiOptions server;
  server.base_url = options.url;
  // From the environment only: everyone on the machine can read a command line.
  server.api_key = environment("OPENAI_API_KEY");
  server.model = options.model;
  server.api = options.api;
  server.connections = options.connections;
  server.timeout = options.timeout;
  server.retries = options.retries;
  return generate::make_openai_engine(server);
}

void report_usage(const BackendOptions& options, const generate::Engine& engine) {
  const generate::EngineUsage usage = engine.usage();
  if (usage.requests == 0) return;
  std::string line =
      fmt::format("{} requests, {} tokens of prompts ({} of them shared), {} of answers",
                  usage.requests, usage.prompt_tokens, usage.shared_tokens, usage.answer_tokens);
  if (options.backend == "native") return log_debug(line);
  if (usage.retries > 0) line += fmt::format(", {} further tries", usage.retries);
  if (options.price.size() == 2) {
    constexpr double kMillion = 1e6;
    const double cost = (static_cast<double>(usage.prompt_tokens) * options.price[0] +
                         static_cast<double>(usage.answer_tokens) * options.price[1]) /
                        kMillion;
    line += fmt::format(", cost {:.4f}", cost);
  }
  log_info(line);
}

}  // namespace relata::app
