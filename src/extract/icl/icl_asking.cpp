#include "icl_asking.h"

#include <algorithm>

namespace relata::extract {
IclAsker::IclAsker(const IclAsking& asking) : asking_(asking) {
  if (asking_.compiler != nullptr) {
    ends_ = std::make_unique<generate::LineEnds>(*asking_.engine.tokenizer());
  }
}

size_t IclAsker::prompt_room() const {
  const int64_t most = asking_.engine.max_tokens();
  if (most <= 0 || asking_.engine.prompt_form() != generate::PromptForm::kIds) return 0;
  const int64_t answer =
      std::min<int64_t>(asking_.prompter.extractor().config.max_new_tokens, most / 4);
  return static_cast<size_t>(most - answer);
}

Status IclAsker::ask(std::vector<IclExchange>& questions) {
  if (questions.empty()) return {};
  spans_.clear();  // of documents that may be gone
  std::vector<generate::GenerateRequest> requests;
  std::vector<IclExchange*> posed;
  for (IclExchange& question : questions) {
    generate::GenerateRequest request;
    RELATA_TRY(const bool asks, pose(question, request));
    if (!asks) continue;
    requests.push_back(std::move(request));
    posed.push_back(&question);
  }
  if (requests.empty()) return {};
  RELATA_TRY(const auto results, asking_.engine.generate(requests));
  if (results.size() != requests.size()) {
    return internal_error("the engine answered " + std::to_string(results.size()) +
                          " requests of " + std::to_string(requests.size()));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    posed[i]->answer =
        read_icl_answer(asking_.prompter, posed[i]->asked, asking_.engine.tokenizer(), results[i]);
    posed[i]->text = results[i].text;
  }
  return {};
}

Result<bool> IclAsker::pose(IclExchange& question, generate::GenerateRequest& request) {
  const ExtractorConfig& config = asking_.prompter.extractor().config;
  request.max_new_tokens = config.max_new_tokens;
  request.stops = asking_.prompter.stops();
  // Where the model goes on with another example, its answer has ended before.
  const bool own_turn = asking_.engine.prompt_form() == generate::PromptForm::kUserTurn;
  if (asking_.compiler == nullptr && !own_turn) request.stops.push_back("\n");
  RELATA_CHECK(add_prompt(question, request));
  if (asking_.compiler == nullptr) return true;
  return add_constraint(question, request);
}

Status IclAsker::add_prompt(IclExchange& question, generate::GenerateRequest& request) {
  const IclPrompter& prompter = asking_.prompter;
  const Extractor& extractor = prompter.extractor();
  const IclQuestion& asked = question.asked.question;
  std::vector<Demonstration> examples;  // best first
  if (extractor.demonstrations != nullptr) {
    DemonstrationQuery wanted;
    wanted.document = asked.document;
    wanted.event_type = event_type_of(asked);
    wanted.task = icl_task_name(asked.task);
    wanted.event = asked.event;
    const auto most = static_cast<size_t>(std::max(extractor.config.demonstrations.examples, 0));
    RELATA_TRY(FoundDemonstrations found, extractor.demonstrations->find(wanted, most));
    question.examples.duplicates += found.duplicates;
    examples = std::move(found.best);
  }
  const text::Tokenizer* tokenizer = asking_.engine.tokenizer();
  const auto budget = static_cast<size_t>(std::max(extractor.config.demonstrations.max_tokens, 0));
  if (tokenizer != nullptr && budget > 0) {
    std::vector<size_t> cost;
    for (const Demonstration& example : examples) {
      cost.push_back(tokenizer->encode_ids(prompter.example_text(asked, example), false).size());
    }
    examples = fitting_demonstrations(std::move(examples), cost, budget, question.examples);
  }
  const size_t room = prompt_room();
  while (true) {
    const std::string turn = prompter.user_turn(asked, {examples.rbegin(), examples.rend()});
    bool fits = true;
    switch (asking_.engine.prompt_form()) {
      case generate::PromptForm::kIds:
        request.prompt = prompter.encode(*tokenizer, turn);
        fits = room == 0 || request.prompt.size() <= room;
        break;
      case generate::PromptForm::kText:
        request.text = prompter.wrapped(turn);
        break;
      case generate::PromptForm::kUserTurn:
        request.text = turn;
        break;
    }
    if (fits || examples.empty()) break;
    examples.pop_back();
    ++question.examples.no_room;
  }
  question.examples.shown += std::ssize(examples);
  const int64_t most = asking_.engine.max_tokens();
  if (room > 0 && request.prompt.size() <= room) {
    const int64_t left = most - std::ssize(request.prompt);
    request.max_new_tokens = static_cast<int>(std::min<int64_t>(request.max_new_tokens, left));
  }
  return {};
}

Result<bool> IclAsker::add_constraint(IclExchange& question, generate::GenerateRequest& request) {
  const data::Document* document = question.asked.question.document;
  auto& spans = spans_[document];
  if (!spans) {
    RELATA_TRY(spans, generate::make_span_source(document->text, {}));
  }
  const generate::AnswerShape shape =
      icl_shape(asking_.prompter, question.asked, question.left_out);
  const bool may_answer =
      std::none_of(shape.item.begin(), shape.item.end(), [](const generate::AnswerField& field) {
        return field.kind == generate::AnswerField::Kind::Choice && field.choices.empty();
      });
  if (!may_answer) return false;
  RELATA_TRY(auto constraint, asking_.compiler->compile(shape, spans));
  request.constraint = ends_->added_to(std::move(constraint));
  return true;
}

}  // namespace relata::extract
