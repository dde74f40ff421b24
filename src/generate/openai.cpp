#include "relata/generate/openai.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "http.h"
#include "relata/base/json.h"
#include "relata/base/log.h"

namespace relata::generate {
namespace {

constexpr double kLongestWait = 8.0;
constexpr double kLongestRetryAfter = 60.0;
constexpr size_t kShownBytes = 300;

bool may_pass(int status) { return status == 408 || status == 429 || status >= 500; }

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

// Servers write probabilities as {"token_logprobs": [...]} or {"content": [{"logprob": ...}]}. Any
// gap makes the whole unknown.
std::vector<double> read_logprobs(const Json& choice) {
  const Json logprobs = choice.value("logprobs", Json());
  if (!logprobs.is_object()) return {};
  std::vector<double> out;
  const Json plain = logprobs.value("token_logprobs", Json());
  const Json rich = logprobs.value("content", Json());
  for (const Json& item : plain.is_array() ? plain : rich.is_array() ? rich : Json::array()) {
    const Json value = item.is_object() ? item.value("logprob", Json()) : item;
    if (!value.is_number()) return {};
    out.push_back(value.get<double>());
  }
  return out;
}

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

 private:
  bool chat() const { return options_.api == "chat"; }
  Json body_of(const GenerateRequest& request, bool with_logprobs) const;
  Result<HttpReply> send(HttpConnection& connection, const std::string& url,
                         const std::string* body) const;
  Result<GenerateResult> answer(HttpConnection& connection, const GenerateRequest& request);
  Result<GenerateResult> read_answer(const HttpReply& reply, const std::string& url) const;

  OpenAiOptions options_;
  std::atomic<bool> ask_logprobs_ = true;
};

// Tries again, after growing waits, what may succeed later.
Result<HttpReply> OpenAiEngine::send(HttpConnection& connection, const std::string& url,
                                     const std::string* body) const {
  double wait = options_.first_wait;
  for (int attempt = 0;; ++attempt) {
    Result<HttpReply> reply =
        body == nullptr ? connection.get(url) : connection.post_json(url, *body);
    if (reply.ok() && !may_pass(reply->status)) return reply;
    if (attempt >= options_.retries) {
      if (reply.ok()) return reply;
      return resource_error(
          reply.error().message + " (tried " + std::to_string(attempt + 1) + " times)",
          "start the server, or check its address");
    }
    const double asked = reply.ok() ? reply->retry_after.value_or(0.0) : 0.0;
    const double seconds = asked > 0 ? std::min(asked, kLongestRetryAfter) : wait;
    log_debug((reply.ok() ? url + ": " + failure_text(*reply) : reply.error().message) +
              "; trying again in " + std::to_string(seconds) + " s");
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    wait = std::min(wait * 2, kLongestWait);
  }
}

Status OpenAiEngine::choose_model() {
  if (!options_.model.empty()) return {};
  const std::string url = options_.base_url + "/models";
  HttpConnection connection(options_.api_key, options_.timeout);
  RELATA_TRY(const HttpReply reply, send(connection, url, nullptr));
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

Json OpenAiEngine::body_of(const GenerateRequest& request, bool with_logprobs) const {
  Json body = {{"model", options_.model}};
  if (chat()) {
    body["messages"] = Json::array({Json{{"role", "user"}, {"content", request.text}}});
  } else {
    body["prompt"] = request.text;
  }
  body["max_tokens"] = request.max_new_tokens;
  body["temperature"] = request.temperature;
  if (request.temperature > 0) {
    body["top_p"] = request.top_p;
    body["seed"] = request.seed;
  }
  if (!request.stops.empty()) body["stop"] = request.stops;
  if (with_logprobs) body["logprobs"] = chat() ? Json(true) : Json(1);
  return body;
}

Result<GenerateResult> OpenAiEngine::read_answer(const HttpReply& reply,
                                                 const std::string& url) const {
  const auto json = parse_json(reply.body, url);
  if (!json.ok()) return unusable(url, "is no JSON");
  const Json choices = json->is_object() ? json->value("choices", Json()) : Json();
  if (!choices.is_array() || choices.empty() || !choices[0].is_object()) {
    return unusable(url, "has no choices");
  }
  const Json& choice = choices[0];
  const Json message = choice.value("message", Json());
  const Json text = !chat()               ? choice.value("text", Json())
                    : message.is_object() ? message.value("content", Json(""))
                                          : Json();
  // A refusal to say anything is an empty answer.
  if (!text.is_string() && !(chat() && text.is_null() && message.is_object())) {
    return unusable(url, "has no text");
  }
  GenerateResult result;
  if (text.is_string()) result.text = text.get<std::string>();
  const Json finish = choice.value("finish_reason", Json());
  result.finish = finish.is_string() && finish == "length" ? "length" : "eos";
  result.logprobs = read_logprobs(choice);
  return result;
}

Result<GenerateResult> OpenAiEngine::answer(HttpConnection& connection,
                                            const GenerateRequest& request) {
  const std::string url = options_.base_url + (chat() ? "/chat/completions" : "/completions");
  while (true) {
    const bool with_logprobs = ask_logprobs_;
    const std::string body = body_of(request, with_logprobs).dump();
    RELATA_TRY(const HttpReply reply, send(connection, url, &body));
    if (reply.status == 200) return read_answer(reply, url);
    // Some servers refuse a request for probabilities: then there are none.
    const bool about_logprobs = (reply.status == 400 || reply.status == 422) &&
                                reply.body.find("logprob") != std::string::npos;
    if (!with_logprobs || !about_logprobs) return refusal(reply, url);
    if (ask_logprobs_.exchange(false)) {
      log_warning(options_.base_url + " gives no probabilities: answers will have none");
    }
  }
}

// What the threads of one generate() call share.
struct Work {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::vector<GenerateResult> results;
  int64_t done = 0;
  std::optional<Error> error;
};

Result<std::vector<GenerateResult>> OpenAiEngine::generate(
    const std::vector<GenerateRequest>& requests, const EngineProgress& progress) {
  Work work;
  work.results.resize(requests.size());
  const auto fail = [&](const Error& error) {
    const std::lock_guard lock(work.mutex);
    if (!work.error) work.error = error;
    work.next = requests.size();
  };
  const auto run = [&] {
    try {
      HttpConnection connection(options_.api_key, options_.timeout);
      for (size_t i; (i = work.next++) < requests.size();) {
        Result<GenerateResult> result = answer(connection, requests[i]);
        if (!result.ok()) return fail(result.error());
        const std::lock_guard lock(work.mutex);
        work.results[i] = std::move(*result);
        if (progress) progress(++work.done);
      }
    } catch (const std::bad_alloc&) {
      fail(resource_error("out of memory", "use fewer connections"));
    } catch (const std::exception& problem) {
      fail(internal_error(problem.what()));
    }
  };
  {
    const auto count =
        std::min(requests.size(), static_cast<size_t>(std::max(options_.connections, 1)));
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < count; ++i) threads.emplace_back(run);
  }
  if (work.error) return *work.error;
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
