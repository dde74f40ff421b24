#include "relata/generate/openai.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "answer_schema.h"
#include "http.h"
#include "relata/base/json.h"
#include "relata/base/log.h"
#include "server_answer.h"
#include "server_logprobs.h"

namespace relata::generate {
namespace {

constexpr double kLongestWait = 8.0;
constexpr double kLongestRetryAfter = 60.0;
constexpr size_t kShownBytes = 300;

constexpr int kNotImplemented = 501;

bool may_pass(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != kNotImplemented);
}

// What a server says about a failure, for people: on one line, without control characters.
std::string failure_text(const HttpReply& reply) {
  std::string said;
  const auto json = parse_json(reply.body, "reply");
  if (json.ok() && json->is_object()) {
    const Json error = json->value("error", *json);
    if (error.is_string()) said = error.get<std::string>();
    for (const char* key : {"message", "detail"}) {
      if (said.empty() && error.is_object() && error.contains(key) && error[key].is_string()) {
        said = error[key].get<std::string>();
      }
    }
  }
  if (said.empty()) said = reply.body;
  if (said.size() > kShownBytes) {
    size_t end = kShownBytes;
    while (end > 0 && (static_cast<unsigned char>(said[end]) & 0xC0) == 0x80) --end;
    said = said.substr(0, end) + " ...";
  }
  for (char& c : said) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return "status " + std::to_string(reply.status) + (said.empty() ? "" : ": " + said);
}

Error refusal(const HttpReply& reply, const std::string& url) {
  const std::string message = url + ": " + failure_text(reply);
  switch (reply.status) {
    case 401:
    case 403:
      return usage_error(message, "check OPENAI_API_KEY");
    case 404:
    case 405:
      return usage_error(
          message,
          "check the URL, the model's name and whether the server has this interface "
          "(completions or chat)");
    case 400:
    case 413:
    case 422:
      return input_error(message,
                         "the server does not take this request; a long text may exceed "
                         "what its model reads");
    default:
      break;
  }
  if (may_pass(reply.status)) {
    return resource_error(message, "try again later");
  }
  return usage_error(message, "check the URL");
}

Error unusable(const std::string& url, const std::string& what) {
  return resource_error(url + ": the answer " + what,
                        "is this the address of an OpenAI-compatible server?");
}

int64_t count_of(const Json& json, const char* key) {
  const Json value = json.is_object() ? json.value(key, Json()) : Json();
  return value.is_number_integer() ? std::max<int64_t>(value.get<int64_t>(), 0) : 0;
}

// The tries of one request. Waits between them are twice as long each time, and of random length
// between half and all of that, so that what failed together does not come back together. A
// server's own wish goes first.
class Tries {
 public:
  Tries(int retries, double first_wait) : left_(retries), wait_(first_wait) {}

  int made() const { return made_; }
  // The seconds to wait before the next; none where there is no next. `asked`: 0 for no wish.
  std::optional<double> next_wait(double asked) {
    if (left_-- <= 0) return std::nullopt;
    ++made_;
    const double own = wait_ * std::uniform_real_distribution<double>(0.5, 1.0)(random_);
    wait_ = std::min(wait_ * 2, kLongestWait);
    // After the time that was asked for, never before it.
    return asked > 0 ? std::min(asked, kLongestRetryAfter) + kShareAfterAsked * own : own;
  }

 private:
  static constexpr double kShareAfterAsked = 0.1;
  int left_;
  int made_ = 1;
  double wait_;
  std::minstd_rand random_{std::random_device()()};
};

class OpenAiEngine final : public Engine {
 public:
  explicit OpenAiEngine(OpenAiOptions options) : options_(std::move(options)) {}

  // Finds the model's name when none was given.
  Status choose_model();

  Result<std::vector<GenerateResult>> generate(const std::vector<GenerateRequest>& requests,
                                               const EngineProgress& progress) override;
  Result<std::vector<ScoreResult>> score(const std::vector<ScoreRequest>&,
                                         const EngineProgress&) override {
    return usage_error("an OpenAI-compatible server cannot score given labels",
                       "use free decoding, or the native backend");
  }
  const text::Tokenizer* tokenizer() const override { return nullptr; }
  std::string model_id() const override { return "openai:" + options_.model; }
  PromptForm prompt_form() const override {
    return chat() ? PromptForm::kUserTurn : PromptForm::kText;
  }
  EngineUsage usage() const override {
    const std::lock_guard lock(usage_mutex_);
    return usage_;
  }

 private:
  // What servers may refuse to do, and requests can do without.
  struct Extras {
    bool logprobs = false;
    bool schema = false;
    bool temperature = false;
    bool old_limit = false;  // max_tokens, which was there before max_completion_tokens
  };

  bool chat() const { return options_.api == "chat"; }
  Json body_of(const GenerateRequest& request, const Extras& extras) const;
  Result<HttpReply> send(HttpConnection& connection, const std::string& url,
                         const std::string* body, Tries& tries);
  bool wait_for_next(Tries& tries, const std::string& failure, double asked);
  Result<GenerateResult> answer(HttpConnection& connection, const GenerateRequest& request);
  Result<GenerateResult> read_answer(const HttpReply& reply, const std::string& url,
                                     const AnswerShape* shape);
  bool gives_up(const HttpReply& reply, const Extras& extras);
  void count(const Json& reply);

  OpenAiOptions options_;
  std::atomic<bool> ask_logprobs_ = true;
  std::atomic<bool> ask_schema_ = true;
  std::atomic<bool> ask_temperature_ = true;
  std::atomic<bool> ask_old_limit_ = true;
  mutable std::mutex usage_mutex_;
  EngineUsage usage_;
};

void OpenAiEngine::count(const Json& reply) {
  const Json usage = reply.value("usage", Json());
  const std::lock_guard lock(usage_mutex_);
  ++usage_.requests;
  usage_.prompt_tokens += count_of(usage, "prompt_tokens");
  usage_.answer_tokens += count_of(usage, "completion_tokens");
  if (usage.is_object()) {
    usage_.shared_tokens += count_of(usage.value("prompt_tokens_details", Json()), "cached_tokens");
  }
}

// False where no try is left.
bool OpenAiEngine::wait_for_next(Tries& tries, const std::string& failure, double asked) {
  const std::optional<double> seconds = tries.next_wait(asked);
  if (!seconds) return false;
  log_debug(failure + "; trying again in " + std::to_string(*seconds) + " s");
  std::this_thread::sleep_for(std::chrono::duration<double>(*seconds));
  const std::lock_guard lock(usage_mutex_);
  ++usage_.retries;
  return true;
}

// Tries again what may succeed later.
Result<HttpReply> OpenAiEngine::send(HttpConnection& connection, const std::string& url,
                                     const std::string* body, Tries& tries) {
  while (true) {
    Result<HttpReply> reply =
        body == nullptr ? connection.get(url) : connection.post_json(url, *body);
    if (reply.ok() && !may_pass(reply->status)) return reply;
    const std::string failure =
        reply.ok() ? url + ": " + failure_text(*reply) : reply.error().message;
    const double asked = reply.ok() ? reply->retry_after.value_or(0.0) : 0.0;
    if (wait_for_next(tries, failure, asked)) continue;
    if (reply.ok()) return reply;
    return resource_error(failure + " (tried " + std::to_string(tries.made()) + " times)",
                          "start the server, or check its address");
  }
}

Status OpenAiEngine::choose_model() {
  if (!options_.model.empty()) return {};
  const std::string url = options_.base_url + "/models";
  HttpConnection connection(options_.api_key, options_.timeout);
  Tries tries(options_.retries, options_.first_wait);
  RELATA_TRY(const HttpReply reply, send(connection, url, nullptr, tries));
  if (reply.status != 200) return refusal(reply, url);
  const auto json = parse_json(reply.body, url);
  if (!json.ok() || !json->is_object() || !json->value("data", Json()).is_array()) {
    return unusable(url, "is no list of models");
  }
  std::vector<std::string> names;
  for (const Json& model : (*json)["data"]) {
    if (model.is_object() && model.value("id", Json()).is_string()) {
      names.push_back(model["id"].get<std::string>());
    }
  }
  if (names.empty()) return resource_error(url + ": the server offers no model", "load one there");
  if (names.size() > 1) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return usage_error(url + ": the server offers several models", "name one of: " + list);
  }
  options_.model = names[0];
  return {};
}

Json OpenAiEngine::body_of(const GenerateRequest& request, const Extras& extras) const {
  Json body = {{"model", options_.model}};
  if (chat()) {
    body["messages"] = Json::array({Json{{"role", "user"}, {"content", request.text}}});
  } else {
    body["prompt"] = request.text;
  }
  body[extras.old_limit ? "max_tokens" : "max_completion_tokens"] = request.max_new_tokens;
  if (extras.temperature) body["temperature"] = request.temperature;
  if (request.temperature > 0) {
    body["top_p"] = request.top_p;
    body["seed"] = request.seed;
  }
  if (!request.stops.empty()) body["stop"] = request.stops;
  if (request.ignore_eos) body["ignore_eos"] = true;  // known to llama-server and vLLM
  if (extras.logprobs) body["logprobs"] = chat() ? Json(true) : Json(1);
  if (extras.schema) {
    const Json schema = {
        {"name", "answer"}, {"strict", true}, {"schema", answer_schema(*request.shape)}};
    body["response_format"] = {{"type", "json_schema"}, {"json_schema", schema}};
  }
  return body;
}

Result<GenerateResult> OpenAiEngine::read_answer(const HttpReply& reply, const std::string& url,
                                                 const AnswerShape* shape) {
  const auto json = parse_json(reply.body, url);
  if (!json.ok()) return unusable(url, "is no JSON");
  const Json choices = json->is_object() ? json->value("choices", Json()) : Json();
  if (!choices.is_array() || choices.empty() || !choices[0].is_object()) {
    return unusable(url, "has no choices");
  }
  const Json& choice = choices[0];
  const auto answer = read_server_answer(choice, chat());
  if (!answer) return unusable(url, "has no text");
  GenerateResult result;
  result.text = answer->said.substr(answer->place.begin, answer->place.end - answer->place.begin);
  count(*json);
  if (!answer->problem.empty()) {
    result.finish = "failed";
    result.problem = url + ": the answer " + answer->problem;
    return result;
  }
  const Json finish = choice.value("finish_reason", Json());
  // A filter cuts off what it finds late.
  result.finish = finish == "length" || finish == "content_filter" ? "length" : "eos";
  ServerLogprobs told = read_server_logprobs(choice);
  fit_pieces(answer->said, told);
  // Of tokens without texts nobody knows which are thoughts.
  if (answer->has_thoughts && told.pieces.empty()) told = {};
  drop_front(answer->place.begin, told);
  if (auto written = shape != nullptr ? answer_of_json(*shape, result.text) : std::nullopt) {
    told = by_parts(told, written->ends, std::move(written->parts));
    result.text = std::move(written->text);
  }
  result.logprobs = std::move(told.logprobs);
  result.pieces = std::move(told.pieces);
  return result;
}

// Whether the server has refused an extra: the request, and all later ones, can do without.
bool OpenAiEngine::gives_up(const HttpReply& reply, const Extras& extras) {
  if (reply.status != 400 && reply.status != 422 && reply.status != 501) return false;
  const auto mentions = [&](const char* word) {
    return reply.body.find(word) != std::string::npos;
  };
  if (extras.logprobs && mentions("logprob")) {
    if (ask_logprobs_.exchange(false)) {
      log_warning(options_.base_url + " gives no probabilities: answers will have none");
    }
    return true;
  }
  if (extras.schema && (mentions("response_format") || mentions("schema") || mentions("grammar"))) {
    if (ask_schema_.exchange(false)) {
      log_warning(options_.base_url +
                  " takes no JSON schema: answers are free, and checked as before");
    }
    return true;
  }
  if (extras.old_limit && mentions("max_completion_tokens")) {
    ask_old_limit_ = false;
    return true;
  }
  // Also a part of what some servers quote of the request.
  if (extras.temperature && mentions("temperature") && mentions("nsupported")) {
    if (ask_temperature_.exchange(false)) {
      log_warning(options_.base_url + " takes no temperature: the same text may be answered " +
                  "differently the next time");
    }
    return true;
  }
  return false;
}

Result<GenerateResult> OpenAiEngine::answer(HttpConnection& connection,
                                            const GenerateRequest& request) {
  const std::string url = options_.base_url + (chat() ? "/chat/completions" : "/completions");
  Tries tries(options_.retries, options_.first_wait);
  while (true) {
    const Extras extras = {ask_logprobs_, ask_schema_ && request.shape != nullptr, ask_temperature_,
                           ask_old_limit_};
    const std::string body = body_of(request, extras).dump();
    RELATA_TRY(const HttpReply reply, send(connection, url, &body, tries));
    if (reply.status != 200) {
      if (!gives_up(reply, extras)) return refusal(reply, url);
      continue;
    }
    auto result = read_answer(reply, url, extras.schema ? request.shape.get() : nullptr);
    // Nonsense may be a proxy's, or that of a server that is still loading.
    if (result.ok() || !wait_for_next(tries, result.error().message, 0.0)) return result;
  }
}

// What the threads of one generate() call share. One request without an answer does not end the
// others: what the server will not take, and what it fails at while it answers others.
class Work {
 public:
  Work(size_t count, int connections, const EngineProgress& progress)
      : progress_(progress), most_in_a_row_(std::max(connections, kFewestInARow)) {
    results.resize(count);
  }

  void finish(size_t index, GenerateResult result) {
    const std::lock_guard lock(mutex_);
    ++answered_;
    in_a_row_ = 0;
    put(index, std::move(result));
  }

  void fail(size_t index, const Error& error) {
    const bool refused = error.code == ErrorCode::kBadInput;
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = error;
    if (!refused && error.code != ErrorCode::kResource) return end(error);
    // So many one after the other, and the server is gone.
    if (!refused && ++in_a_row_ >= most_in_a_row_) return end(error);
    GenerateResult result;
    result.finish = "failed";
    result.problem = error.message;
    put(index, std::move(result));
  }

  void fail_all(const Error& error) {
    const std::lock_guard lock(mutex_);
    end(error);
  }

  // Of the whole call. `refusals_are_known`: the server takes such requests, but for these.
  std::optional<Error> error(bool refusals_are_known) const {
    if (ended_) return ended_;
    const bool refused = first_ && first_->code == ErrorCode::kBadInput;
    return answered_ == 0 && !(refused && refusals_are_known) ? first_ : std::nullopt;
  }

  std::atomic<size_t> next = 0;
  std::vector<GenerateResult> results;

 private:
  static constexpr int kFewestInARow = 4;

  void put(size_t index, GenerateResult result) {
    results[index] = std::move(result);
    if (progress_) progress_(++done_);
  }
  void end(const Error& error) {
    if (!ended_) ended_ = error;
    next = results.size();
  }

  const EngineProgress& progress_;
  const int most_in_a_row_;
  std::mutex mutex_;
  int64_t done_ = 0;
  int64_t answered_ = 0;
  int in_a_row_ = 0;            // failures since the last answer
  std::optional<Error> first_;  // failure of a request
  std::optional<Error> ended_;
};

Result<std::vector<GenerateResult>> OpenAiEngine::generate(
    const std::vector<GenerateRequest>& requests, const EngineProgress& progress) {
  const bool known = usage().requests > 0;
  Work work(requests.size(), options_.connections, progress);
  const auto run = [&] {
    try {
      HttpConnection connection(options_.api_key, options_.timeout);
      for (size_t i; (i = work.next++) < requests.size();) {
        Result<GenerateResult> result = answer(connection, requests[i]);
        if (result.ok()) {
          work.finish(i, std::move(*result));
        } else {
          work.fail(i, result.error());
        }
      }
    } catch (const std::bad_alloc&) {
      work.fail_all(resource_error("out of memory", "use fewer connections"));
    } catch (const std::exception& problem) {
      work.fail_all(internal_error(problem.what()));
    }
  };
  {
    const auto count =
        std::min(requests.size(), static_cast<size_t>(std::max(options_.connections, 1)));
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < count; ++i) threads.emplace_back(run);
  }
  if (const auto error = work.error(known)) return *error;
  return std::move(work.results);
}

// "http://localhost:8000" -> "http://localhost:8000/v1"; "http://host/v1/" -> "http://host/v1".
Result<std::string> complete_url(std::string url) {
  const size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  while (url.size() > scheme && url.back() == '/') url.pop_back();
  const bool odd = std::any_of(url.begin(), url.end(),
                               [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
  if (scheme == 0 || url.size() == scheme || odd) {
    return usage_error("\"" + url + "\" is no server's address",
                       "write it like http://localhost:8000/v1");
  }
  if (url.find('/', scheme) == std::string::npos) url += "/v1";
  return url;
}

}  // namespace

Result<std::unique_ptr<Engine>> make_openai_engine(const OpenAiOptions& options) {
  OpenAiOptions complete = options;
  RELATA_TRY(complete.base_url, complete_url(options.base_url));
  if (options.api != "completions" && options.api != "chat") {
    return usage_error("unknown interface \"" + options.api + "\"", "completions or chat");
  }
  auto engine = std::make_unique<OpenAiEngine>(std::move(complete));
  RELATA_CHECK(engine->choose_model());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace relata::generate
