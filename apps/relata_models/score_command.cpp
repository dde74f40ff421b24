// `relata score`: log-probabilities of given continuations.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "engine_options.h"
#include "help.h"
#include "io/output_places.h"
#include "relata/base/fields.h"

namespace relata::app {
namespace {

struct ScoreOptions {
  EngineOptions engine;
  bool per_token = false;
};

Result<std::vector<int32_t>> continuation_ids(const generate::Engine& engine, const Json& item,
                                              bool is_text, const std::string& where) {
  if (!is_text) return json_ids(item, where);
  if (!item.is_string()) {
    return input_error(
        fmt::format("{}: \"continuations\" holds something that is no string", where));
  }
  return text_ids(engine, item.get<std::string>(), false, where);
}

Result<std::vector<std::vector<int32_t>>> parse_continuations(const generate::Engine& engine,
                                                              const RequestLine& line) {
  const bool is_text = line.value.contains("continuations");
  if (is_text == line.value.contains("continuation_ids")) {
    return input_error(fmt::format("{}: {} \"continuations\" {} \"continuation_ids\"", line.where,
                                   is_text ? "both" : "neither", is_text ? "and" : "nor"),
                       "give exactly one of them");
  }
  const char* key = is_text ? "continuations" : "continuation_ids";
  const Json& items = line.value[key];
  if (!items.is_array() || items.empty()) {
    return input_error(
        fmt::format("{}: \"{}\" is not a list with at least one item", line.where, key));
  }
  std::vector<std::vector<int32_t>> continuations;
  for (size_t i = 0; i < items.size(); ++i) {
    RELATA_TRY(auto ids, continuation_ids(engine, items[i], is_text, line.where));
    if (ids.empty()) {
      return input_error(fmt::format("{}: continuation {} has no token", line.where, i + 1));
    }
    continuations.push_back(std::move(ids));
  }
  return continuations;
}

Result<generate::ScoreRequest> parse_request(const generate::Engine& engine, PromptReader& prompts,
                                             const RequestLine& line) {
  Fields fields(line.value, line.where);
  for (const char* key :
       {"id", "prompt", "prompt_ids", "messages", "continuations", "continuation_ids"}) {
    fields.ignore(key);
  }
  RELATA_CHECK(as_input(fields.finish()));
  generate::ScoreRequest request;
  RELATA_TRY(request.prefix, prompts.read(line));
  RELATA_TRY(request.continuations, parse_continuations(engine, line));
  for (const auto& continuation : request.continuations) {
    RELATA_CHECK(check_length(engine, request.prefix.size() + continuation.size(), line.where));
  }
  return request;
}

Json answer_json(const generate::ScoreResult& result, bool per_token) {
  Json totals = Json::array();
  for (size_t i = 0; i < result.token_logprobs.size(); ++i) totals.push_back(result.total(i));
  Json answer = {{"logprobs", totals}};
  if (per_token) answer["token_logprobs"] = result.token_logprobs;
  return answer;
}

Result<int> run_score(const ScoreOptions& options, const Context& context) {
  RELATA_CHECK(check_places({{"the answers", options.engine.output}}, options.engine.inputs));
  RELATA_TRY(const auto lines, read_requests(options.engine.inputs));
  RELATA_TRY(auto engine, open_engine(options.engine, context));
  PromptReader prompts(*engine, options.engine.model);
  std::vector<generate::ScoreRequest> requests;
  for (const RequestLine& line : lines) {
    RELATA_TRY(auto request, parse_request(*engine, prompts, line));
    requests.push_back(std::move(request));
  }
  BatchRunner runner(options.engine, "scoring");
  const auto ask = [&](const std::vector<generate::ScoreRequest>& batch,
                       const generate::EngineProgress& progress) {
    return engine->score(batch, progress);
  };
  const auto to_json = [&](const generate::ScoreResult& result) {
    return answer_json(result, options.per_token);
  };
  RELATA_CHECK(runner.run(lines, requests, ask, to_json));
  return kDone;
}

}  // namespace

void add_score_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* verb = add_verb(
      app, "score", "Log-probabilities of given continuations",
      "Reads one JSON request a line: \"prompt\" or \"prompt_ids\", and \"continuations\" (texts,\n"
      "encoded without special tokens) or \"continuation_ids\". Writes one line each, in order:\n"
      "{\"logprobs\": [...]}, natural logarithms summed over each continuation's tokens. All\n"
      "continuations of a prompt share one pass over it.",
      {"echo '{\"prompt\": \"2+2=\", \"continuations\": [\"4\", \"5\"]}' | relata score -m model/",
       "relata score -m model/ --per-token requests.jsonl -o scores.jsonl",
       "relata score -m model/ --adapter out/finre/adapters/pair requests.jsonl"});
  add_engine_options(*verb, options->engine);
  verb->add_flag("--per-token", options->per_token, "Add \"token_logprobs\", one list each");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_score(*options, context); };
  });
}

}  // namespace relata::app
