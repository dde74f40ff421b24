// An engine for forecasts: it answers as many of a run's questions as a time allows.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "relata/generate/engine.h"

namespace relata::app {

double seconds_since(std::chrono::steady_clock::time_point start);

// What questions took.
struct AskedWork {
  double questions = 0;
  double seconds = 0;
  double prompt_tokens = 0;
  double shared_tokens = 0;
  double answer_tokens = 0;
};

// Each call has an equal part of the time that is left. Questions beyond it get no answer, or that
// a check does not hold, so that no others follow from them.
class SampledEngine : public generate::Engine {
 public:
  // Borrows the engine; `calls` are to come.
  SampledEngine(generate::Engine& engine, double seconds, size_t calls);

  const AskedWork& asked() const { return asked_; }
  // What all questions would have taken, and those that would have followed from their answers: as
  // much each as the ones that were asked in the same call.
  const AskedWork& whole() const { return whole_; }
  bool cut_short() const { return share_ > 1.0; }

  Result<std::vector<generate::GenerateResult>> generate(
      const std::vector<generate::GenerateRequest>& requests,
      const generate::EngineProgress& progress) override;
  Result<std::vector<generate::ScoreResult>> score(
      const std::vector<generate::ScoreRequest>& requests,
      const generate::EngineProgress& progress) override;
  const text::Tokenizer* tokenizer() const override { return engine_.tokenizer(); }
  std::shared_ptr<const text::Tokenizer> shared_tokenizer() const override {
    return engine_.shared_tokenizer();
  }
  std::string model_id() const override { return engine_.model_id(); }
  generate::PromptForm prompt_form() const override { return engine_.prompt_form(); }
  generate::EngineUsage usage() const override { return engine_.usage(); }
  int64_t max_tokens() const override { return engine_.max_tokens(); }
  void forget() override { engine_.forget(); }

 private:
  template <class Answer, class Request, class Ask>
  Result<std::vector<Answer>> answers(const std::vector<Request>& requests, const Ask& ask);
  void note(const generate::EngineUsage& before, double seconds, size_t asked, size_t wanted);

  generate::Engine& engine_;
  double seconds_left_;
  size_t calls_left_;
  double share_ = 1.0;  // questions there would be now, had all been asked, to those there are
  AskedWork asked_;
  AskedWork whole_;
};

}  // namespace relata::app
