// `relata generate`: prompts in, generated text out.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "engine_options.h"
#include "help.h"
#include "io/output_places.h"
#include "relata/base/fields.h"

namespace relata::app {
namespace {

struct GenerateOptions {
  EngineOptions engine;
  generate::GenerateRequest defaults;
};

Status check_sampling(const generate::GenerateRequest& request, const std::string& where) {
  std::string problem;
  if (request.max_new_tokens < 1) problem = "max_new_tokens must be at least 1";
  if (!(request.temperature >= 0)) problem = "temperature must be at least 0";
  if (request.top_k < 0) problem = "top_k must be at least 0";
  if (!(request.top_p > 0 && request.top_p <= 1)) problem = "top_p must be above 0 and at most 1";
  if (problem.empty()) return {};
  return input_error(fmt::format("{}: {}", where, problem));
}

Result<std::vector<std::string>> parse_stops(const Json& value, const std::string& where) {
  if (value.is_string()) return std::vector<std::string>{value.get<std::string>()};
  std::vector<std::string> stops;
  const Error problem =
      input_error(fmt::format("{}: \"stop\" is neither a string nor a list of strings", where));
  if (!value.is_array()) return problem;
  for (const Json& item : value) {
    if (!item.is_string()) return problem;
    stops.push_back(item.get<std::string>());
  }
  return stops;
}

// What a model has to take for an answer: its last token is not computed with.
size_t tokens_with_answer(const generate::GenerateRequest& request) {
  return request.prompt.size() + static_cast<size_t>(request.max_new_tokens) - 1;
}

// A request that does not say how long its answer may be gets what there is room for, one token at
// least.
void fit_answer(const generate::Engine& engine, generate::GenerateRequest& request) {
  if (engine.max_tokens() == 0) return;
  const int64_t room = engine.max_tokens() - std::ssize(request.prompt) + 1;
  request.max_new_tokens = static_cast<int>(std::clamp<int64_t>(room, 1, request.max_new_tokens));
}

Result<generate::GenerateRequest> parse_request(const generate::Engine& engine,
                                                PromptReader& prompts, const RequestLine& line,
                                                const generate::GenerateRequest& defaults) {
  generate::GenerateRequest request = defaults;
  auto seed = static_cast<int64_t>(defaults.seed);
  Json stop;
  Fields fields(line.value, line.where);
  fields.ignore("id");
  fields.ignore("prompt");
  fields.ignore("prompt_ids");
  fields.ignore("messages");
  fields.get("max_new_tokens", request.max_new_tokens);
  fields.get("temperature", request.temperature);
  fields.get("top_k", request.top_k);
  fields.get("top_p", request.top_p);
  fields.get("seed", seed);
  fields.get("ignore_eos", request.ignore_eos);
  fields.get("stop", stop);
  RELATA_CHECK(as_input(fields.finish()));
  RELATA_CHECK(check_sampling(request, line.where));
  request.seed = static_cast<uint64_t>(seed);
  if (!stop.is_null()) {
    RELATA_TRY(request.stops, parse_stops(stop, line.where));
  }
  RELATA_TRY(request.prompt, prompts.read(line));
  if (!fields.has("max_new_tokens")) fit_answer(engine, request);
  RELATA_CHECK(check_length(engine, tokens_with_answer(request), line.where));
  return request;
}

Json answer_json(const generate::GenerateResult& result) {
  return {{"text", result.text},
          {"ids", result.ids},
          {"logprobs", result.logprobs},
          {"finish", result.finish}};
}

Result<int> run_generate(const GenerateOptions& options, const Context& context) {
  RELATA_CHECK(check_places({{"the answers", options.engine.output}}, options.engine.inputs));
  RELATA_TRY(const auto lines, read_requests(options.engine.inputs));
  RELATA_TRY(auto engine, open_engine(options.engine, context));
  generate::GenerateRequest defaults = options.defaults;
  defaults.seed = context.seed;
  PromptReader prompts(*engine, options.engine.model);
  std::vector<generate::GenerateRequest> requests;
  for (const RequestLine& line : lines) {
    RELATA_TRY(auto request, parse_request(*engine, prompts, line, defaults));
    requests.push_back(std::move(request));
  }
  BatchRunner runner(options.engine, "generating");
  const auto ask = [&](const std::vector<generate::GenerateRequest>& batch,
                       const generate::EngineProgress& progress) {
    return engine->generate(batch, progress);
  };
  RELATA_CHECK(runner.run(lines, requests, ask, answer_json));
  return kDone;
}

void add_sampling_options(CLI::App& verb, generate::GenerateRequest& defaults) {
  verb.add_option("--max-new-tokens", defaults.max_new_tokens,
                  "For requests that do not say, as far as there is room (default: 256)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  verb.add_option("--temperature", defaults.temperature, "0 chooses the likeliest token (default)")
      ->type_name("T")
      ->check(number_in(NumberRange::at_least(0)));
  verb.add_option("--top-k", defaults.top_k, "Sample from the K likeliest tokens (default: all)")
      ->type_name("K")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--top-p", defaults.top_p, "Sample from this much probability (default: 1)")
      ->type_name("P")
      ->check(number_in(NumberRange::between(0, 1)));
  verb.add_option("--stop", defaults.stops, "Text that ends an answer; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false);
}

}  // namespace

void add_generate_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* verb = add_verb(
      app, "generate", "Continue prompts with a model",
      "Reads one JSON request a line: \"prompt\" (text), \"prompt_ids\", or \"messages\" (a chat, "
      "which\nthe model's own template writes), and optionally max_new_tokens, temperature, top_k, "
      "top_p,\nseed, stop (a string or a list), ignore_eos and id.\n"
      "Writes one line each, in order: {\"text\", \"ids\", \"logprobs\", \"finish\"}, where finish "
      "is\neos, stop or length. Temperature 0 is greedy and gives the same answer every time.",
      {"echo '{\"prompt\": \"Paris is\", \"max_new_tokens\": 8}' | relata generate -m model/",
       "relata generate -m model/ --adapter out/finre/adapters/pair requests.jsonl -o out.jsonl",
       "relata generate -m model/ --temperature 0.8 --top-p 0.95 --seed 1 requests.jsonl"});
  add_engine_options(*verb, options->engine);
  add_sampling_options(*verb, options->defaults);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_generate(*options, context); };
  });
}

}  // namespace relata::app
