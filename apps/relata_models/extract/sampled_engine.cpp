#include "extract/sampled_engine.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace relata::app {
namespace {

using Clock = std::chrono::steady_clock;
using generate::GenerateRequest;
using generate::GenerateResult;
using generate::ScoreRequest;
using generate::ScoreResult;

void add(AskedWork& sum, const AskedWork& work, double times) {
  sum.questions += work.questions * times;
  sum.seconds += work.seconds * times;
  sum.prompt_tokens += work.prompt_tokens * times;
  sum.shared_tokens += work.shared_tokens * times;
  sum.answer_tokens += work.answer_tokens * times;
}

GenerateResult not_asked(const GenerateRequest&) {
  GenerateResult result;
  result.finish = "failed";
  result.problem = "not asked";
  return result;
}

// The first continuation of a check says that it holds.
ScoreResult not_asked(const ScoreRequest& request) {
  constexpr double kNever = -1e9;
  ScoreResult result;
  result.token_logprobs.assign(request.continuations.size(), {0.0});
  if (!result.token_logprobs.empty()) result.token_logprobs.front() = {kNever};
  return result;
}

// As many more as the time that is left allows, where `done` took `took` of `budget`.
size_t next_count(size_t done, double took, double budget, size_t rest) {
  if (took >= budget) return 0;
  const double fitting = (budget - took) / std::max(took, 1e-6) * static_cast<double>(done);
  return fitting >= static_cast<double>(rest) ? rest : static_cast<size_t>(fitting);
}

}  // namespace

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

SampledEngine::SampledEngine(generate::Engine& engine, double seconds, size_t calls)
    : engine_(engine), seconds_left_(seconds), calls_left_(calls) {}

Result<std::vector<GenerateResult>> SampledEngine::generate(
    const std::vector<GenerateRequest>& requests, const generate::EngineProgress&) {
  return answers<GenerateResult>(
      requests, [&](const std::vector<GenerateRequest>& part) { return engine_.generate(part); });
}

Result<std::vector<ScoreResult>> SampledEngine::score(const std::vector<ScoreRequest>& requests,
                                                      const generate::EngineProgress&) {
  return answers<ScoreResult>(
      requests, [&](const std::vector<ScoreRequest>& part) { return engine_.score(part); });
}

template <class Answer, class Request, class Ask>
Result<std::vector<Answer>> SampledEngine::answers(const std::vector<Request>& requests,
                                                   const Ask& ask) {
  constexpr size_t kFirst = 8;  // they show how many more there is time for
  const double budget = seconds_left_ / static_cast<double>(std::max<size_t>(calls_left_, 1));
  const generate::EngineUsage before = engine_.usage();
  const auto start = Clock::now();
  std::vector<Answer> out;
  for (size_t count = std::min(kFirst, requests.size()); count > 0;) {
    const auto first = requests.begin() + std::ssize(out);
    RELATA_TRY(std::vector<Answer> part,
               ask(std::vector<Request>(first, first + static_cast<std::ptrdiff_t>(count))));
    std::move(part.begin(), part.end(), std::back_inserter(out));
    count = next_count(out.size(), seconds_since(start), budget, requests.size() - out.size());
  }
  note(before, seconds_since(start), out.size(), requests.size());
  for (size_t i = out.size(); i < requests.size(); ++i) out.push_back(not_asked(requests[i]));
  return out;
}

void SampledEngine::note(const generate::EngineUsage& before, double seconds, size_t asked,
                         size_t wanted) {
  if (asked == 0) return;
  const generate::EngineUsage after = engine_.usage();
  const AskedWork work = {static_cast<double>(asked), seconds,
                          static_cast<double>(after.prompt_tokens - before.prompt_tokens),
                          static_cast<double>(after.shared_tokens - before.shared_tokens),
                          static_cast<double>(after.answer_tokens - before.answer_tokens)};
  share_ *= static_cast<double>(wanted) / static_cast<double>(asked);
  add(asked_, work, 1.0);
  add(whole_, work, share_);
  seconds_left_ = std::max(seconds_left_ - seconds, 0.0);
  if (calls_left_ > 0) --calls_left_;
}

}  // namespace relata::app
