#include "ask_steps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "answer_shapes.h"
#include "item_reader.h"
#include "list_answer.h"

namespace relata::extract {
namespace {

// One question and the text it is about.
struct Asked {
  size_t text = 0;
  Question question;
};

// What is known of a text between two steps: partial facts, distinct, with their probabilities.
using State = std::map<Binding, double>;

void keep_best(State& state, const Binding& binding, double logprob) {
  const auto [place, fresh] = state.emplace(binding, logprob);
  if (!fresh) place->second = std::max(place->second, logprob);
}

Binding joined(const Binding& a, const Binding& b) {
  return {b.relation >= 0 ? b.relation : a.relation, b.head.empty() ? a.head : b.head,
          b.tail.empty() ? a.tail : b.tail};
}

class StepRun {
 public:
  StepRun(const StepAsking& asking, std::vector<AskedText>& texts, AskedCounts& counts)
      : asking_(asking),
        prompter_(asking.prompter),
        spec_(asking.prompter.spec()),
        tokenizer_(asking.engine.tokenizer()),
        texts_(texts),
        counts_(counts),
        constraints_(asking.prompter, asking.compiler) {}

  Status run() {
    states_.assign(texts_.size(), {{Binding{}, 0.0}});
    roots_.resize(texts_.size());
    if (asking_.engine.prompt_form() == generate::PromptForm::kIds) {
      for (size_t i = 0; i < texts_.size(); ++i) {
        roots_[i] = prompter_.root_ids(*tokenizer_, texts_[i].document);
      }
    }
    for (step_ = 0; step_ < spec_.steps.size(); ++step_) {
      inputs_ = inputs_of(spec_.steps[step_]);
      next_.assign(texts_.size(), {});
      if (spec_.steps[step_].check) {
        RELATA_CHECK(ask_checks());
      } else {
        RELATA_CHECK(ask_lists());
      }
      states_ = std::move(next_);
    }
    for (size_t i = 0; i < texts_.size(); ++i) {
      for (const auto& [fact, logprob] : states_[i]) texts_[i].facts.push_back({fact, logprob});
    }
    return {};
  }

 private:
  const StepTemplate& step() const { return spec_.steps[step_]; }
  double least_logprob() const {
    return std::log(step_threshold(asking_.extractor.config, step()));
  }
  // Of the engine's adapters; "": its only one.
  std::string adapter() const {
    return asking_.extractor.config.adapters.empty() ? "" : step().adapter;
  }

  std::vector<Asked> list_questions() const {
    std::vector<Asked> out;
    for (size_t i = 0; i < texts_.size(); ++i) {
      if (inputs_ == kRelationList) {
        if (states_[i].empty()) continue;
        Asked asked{i, {step_, {}, {}}};
        for (const auto& [binding, logprob] : states_[i]) {
          auto& relations = asked.question.relations;
          if (relations.empty() || relations.back() != binding.relation) {
            relations.push_back(binding.relation);  // the state is in the relations' order
          }
        }
        out.push_back(std::move(asked));
        continue;
      }
      std::set<Binding> seen;
      for (const auto& [binding, logprob] : states_[i]) {
        const Binding about = projected(binding, inputs_);
        if (seen.insert(about).second) out.push_back({i, {step_, about, {}}});
      }
    }
    return out;
  }

  Status ask_lists() {
    std::vector<generate::GenerateRequest> requests;
    std::vector<Asked> asked;
    for (Asked& question : list_questions()) {
      RELATA_TRY(auto request, request_for(question));
      if (!request) continue;
      counts_.prompt_tokens += static_cast<int64_t>(request->prompt.size());
      requests.push_back(std::move(*request));
      asked.push_back(std::move(question));
    }
    counts_.questions += static_cast<int64_t>(requests.size());
    if (requests.empty()) return {};
    RELATA_TRY(const auto results, asking_.engine.generate(requests));
    if (results.size() != requests.size()) return wrong_number(results.size(), requests.size());
    for (size_t i = 0; i < results.size(); ++i) {
      counts_.answer_tokens += static_cast<int64_t>(results[i].ids.size());
      read_list(asked[i], results[i]);
    }
    return {};
  }

  static Status wrong_number(size_t answers, size_t requests) {
    return internal_error("the engine answered " + std::to_string(answers) + " requests of " +
                          std::to_string(requests));
  }

  // None where the answer could only be nothing, or the prompt leaves no room for one.
  Result<std::optional<generate::GenerateRequest>> request_for(const Asked& asked) {
    const AskedText& text = texts_[asked.text];
    generate::GenerateRequest request;
    request.max_new_tokens = asking_.extractor.config.max_new_tokens;
    request.stops = prompter_.stops();
    request.continue_above = asking_.extractor.config.continue_above;
    request.adapter = adapter();
    std::vector<UnwritableName> left_out;
    if (asking_.compiler) {
      auto constraint = constraints_.make(text, asked.text, asked.question, left_out);
      note_left_out(asked, left_out);
      if (!constraint.ok() && constraint.error().code == ErrorCode::kBadInput) {
        // The names are known to be spelled (facts.cpp): it is this text's fault.
        texts_[asked.text].unparsed.push_back(
            {asked.question, constraint.error().message, "", true, false});
        return std::optional<generate::GenerateRequest>();
      }
      RELATA_TRY(request.constraint, std::move(constraint));
      if (!request.constraint) return std::optional<generate::GenerateRequest>();
    } else if (asking_.shapes) {
      auto shape = answer_shape(prompter_, text, asked.question, AnswerForm::kJson, left_out);
      note_left_out(asked, left_out);
      if (!shape) return std::optional<generate::GenerateRequest>();
      request.shape = std::make_shared<const generate::AnswerShape>(std::move(*shape));
    }
    switch (asking_.engine.prompt_form()) {
      case generate::PromptForm::kUserTurn:
        request.text = prompter_.user_turn(text.document, asked.question);
        break;
      case generate::PromptForm::kText:
        request.text = prompter_.root_text(text.document) +
                       prompter_.branch_text(text.document, asked.question);
        break;
      case generate::PromptForm::kIds: {
        request.prompt = prompt_ids(asked);
        constexpr int64_t kLeast = 8;  // tokens of an answer worth asking for
        const int64_t most = asking_.engine.max_tokens();
        const int64_t room = most - static_cast<int64_t>(request.prompt.size());
        if (most > 0 && room < kLeast) {
          texts_[asked.text].unparsed.push_back({asked.question,
                                                 "too long: the prompt takes " +
                                                     std::to_string(request.prompt.size()) +
                                                     " tokens of " + std::to_string(most),
                                                 "", true, false});
          return std::optional<generate::GenerateRequest>();
        }
        if (most > 0 && room < request.max_new_tokens) {
          request.max_new_tokens = static_cast<int>(room);
        }
        break;
      }
    }
    return std::optional(std::move(request));
  }

  // Once for a text and step, whatever relations are asked about.
  void note_left_out(const Asked& asked, const std::vector<UnwritableName>& left_out) {
    for (const UnwritableName& name : left_out) {
      if (!noted_.emplace(asked.text, step_, name.field, name.name).second) continue;
      Question about;
      about.step = step_;
      (name.field == "head" ? about.about.head : about.about.tail) = name.name;
      texts_[asked.text].unparsed.push_back({std::move(about), name.problem, "", true, false});
    }
  }

  std::vector<int32_t> prompt_ids(const Asked& asked) const {
    std::vector<int32_t> ids = roots_[asked.text];
    const auto branch =
        prompter_.branch_ids(*tokenizer_, texts_[asked.text].document, asked.question);
    ids.insert(ids.end(), branch.begin(), branch.end());
    return ids;
  }

  void read_list(const Asked& asked, const generate::GenerateResult& result) {
    AskedText& text = texts_[asked.text];
    if (!result.problem.empty()) {
      text.unparsed.push_back({asked.question, result.problem, "", true});
      return;
    }
    const CheckField check = [&](const Binding& item, Variables field) {
      return problem_of(text, asked.question, item, field);
    };
    const bool cut_off = result.finish == "length";
    ListAnswer answer =
        parse_list_answer(spec_, step(), prompter_.schema(), check, result.text, cut_off);
    if (!answer.problem.empty()) {
      text.unparsed.push_back({asked.question, answer.problem, result.text});
    }
    if (cut_off) {
      const int most = asking_.extractor.config.max_new_tokens;
      text.unparsed.push_back({asked.question, cut_off_problem(result, most), result.text});
    }
    if (!score_items(tokenizer_, result, answer.items)) text.scored = false;
    for (const AnswerItem& item : answer.items) {
      if (text.scored && item.logprob < least_logprob()) continue;
      for (const auto& [binding, logprob] : states_[asked.text]) {
        if (!belongs(asked.question, binding, item.item)) continue;
        const Binding fact = inputs_ == kRelationList ? item.item : joined(binding, item.item);
        if (!fact.head.empty() && fact.head == fact.tail) continue;
        keep_best(next_[asked.text], fact, logprob + item.logprob);
      }
    }
  }

  // Whether the answer's item goes on from this partial fact.
  bool belongs(const Question& question, const Binding& binding, const Binding& item) const {
    if (inputs_ != kRelationList) return projected(binding, inputs_) == question.about;
    return item.relation < 0 || binding.relation == item.relation;
  }

  // What is wrong with a head, tail or relation as an answer to the question; "" if nothing.
  std::string problem_of(const AskedText& text, const Question& question, const Binding& item,
                         Variables field) const {
    Question about = question;
    if (item.relation >= 0 && field != kRelation) about.about.relation = item.relation;
    if (!item.head.empty() && field != kHead) about.about.head = item.head;
    if (!item.tail.empty() && field != kTail) about.about.tail = item.tail;
    const auto choices = choices_of(prompter_, text, about, field);
    const auto is_choice = [&](const std::string& name) {
      return std::find(choices->begin(), choices->end(), name) != choices->end();
    };
    if (field == kRelation) {
      if (is_choice(prompter_.relation_name(item.relation))) return "";
      const auto& asked = question.relations;
      const bool among =
          asked.empty() || std::find(asked.begin(), asked.end(), item.relation) != asked.end();
      return among ? "not a relation of entities of such types"
                   : "not a relation that was asked about";
    }
    const std::string& name = field == kHead ? item.head : item.tail;
    if (name.empty()) return "an empty name";
    if (choices) return is_choice(name) ? "" : "not an entity of the document that may stand here";
    if (name == (field == kHead ? about.about.tail : about.about.head)) {
      return "head and tail are the same";
    }
    return text.document.text.find(name) != std::string::npos ? "" : "not in the text";
  }

  // Every value of what the check is for that goes on from a partial fact.
  std::vector<Asked> check_questions(size_t index) const {
    const AskedText& text = texts_[index];
    std::set<Binding> seen;
    std::vector<Asked> out;
    for (const auto& [known, logprob] : states_[index]) {
      std::vector<Binding> candidates = {projected(known, inputs_)};
      extend(candidates, kRelation, [&](const Binding&) { return all_relations(); });
      extend(candidates, kHead, [&](const Binding& so_far) { return ends(text, so_far, kHead); });
      extend(candidates, kTail, [&](const Binding& so_far) { return ends(text, so_far, kTail); });
      for (const Binding& candidate : candidates) {
        if (seen.insert(candidate).second) out.push_back({index, {step_, candidate, {}}});
      }
    }
    return out;
  }

  template <class Values>
  void extend(std::vector<Binding>& candidates, Variables variable, const Values& values) const {
    if ((inputs_ & variable) == 0U) return;
    std::vector<Binding> longer;
    for (const Binding& candidate : candidates) {
      if (projected(candidate, variable) != Binding{}) {
        longer.push_back(candidate);
        continue;
      }
      for (const Binding& value : values(candidate)) longer.push_back(joined(candidate, value));
    }
    candidates = std::move(longer);
  }

  std::vector<Binding> all_relations() const {
    std::vector<Binding> out;
    for (size_t i = 0; i < prompter_.schema().relation_types.size(); ++i) {
      if (!prompter_.schema().relation_types[i].negative) {
        out.push_back({static_cast<int>(i), "", ""});
      }
    }
    return out;
  }

  // Only given entities are few enough to ask about each.
  std::vector<Binding> ends(const AskedText& text, const Binding& so_far, Variables end) const {
    std::vector<Binding> out;
    const auto names = choices_of(prompter_, text, {step_, so_far, {}}, end);
    if (!names) return out;
    for (const std::string& name : *names) {
      out.push_back(end == kHead ? Binding{-1, name, ""} : Binding{-1, "", name});
    }
    return out;
  }

  Status ask_checks() {
    if (asking_.engine.prompt_form() != generate::PromptForm::kIds) {
      return usage_error("step \"" + step().name + "\" is a check, which this engine cannot answer",
                         "checks need probabilities: use the native engine, or a template whose "
                         "steps are lists, such as --pipeline drhf --schema FILE without -x");
    }
    std::vector<Asked> asked;
    std::vector<generate::ScoreRequest> requests;
    const auto [yes, no] = check_answers();
    for (size_t i = 0; i < texts_.size(); ++i) {
      for (Asked& question : check_questions(i)) {
        generate::ScoreRequest request;
        request.prefix = prompt_ids(question);
        request.continuations = {yes, no};
        request.adapter = adapter();
        counts_.prompt_tokens += static_cast<int64_t>(request.prefix.size());
        requests.push_back(std::move(request));
        asked.push_back(std::move(question));
      }
    }
    counts_.questions += static_cast<int64_t>(requests.size());
    if (requests.empty()) return {};
    RELATA_TRY(const auto results, asking_.engine.score(requests));
    if (results.size() != requests.size()) return wrong_number(results.size(), requests.size());
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].token_logprobs.size() != 2) {
        return wrong_number(results[i].token_logprobs.size(), 2);
      }
      // log of e^yes / (e^yes + e^no)
      const double logprob = -std::log1p(std::exp(results[i].total(1) - results[i].total(0)));
      if (std::isnan(logprob)) {
        return input_error("document \"" + texts_[asked[i].text].document.id +
                               "\": the model gives no usable log-probabilities",
                           "its weights may be damaged; try --dtype float32");
      }
      if (logprob >= least_logprob()) keep_checked(asked[i], logprob);
    }
    return {};
  }

  void keep_checked(const Asked& asked, double logprob) {
    for (const auto& [known, known_logprob] : states_[asked.text]) {
      const Binding fact = joined(known, asked.question.about);
      if (joined(fact, known) != fact) continue;  // another partial fact's
      keep_best(next_[asked.text], fact, known_logprob + logprob);
    }
  }

  // Without EOS where they can be told apart without.
  std::pair<std::vector<int32_t>, std::vector<int32_t>> check_answers() const {
    std::vector<int32_t> yes = tokenizer_->encode_ids(spec_.yes, false);
    std::vector<int32_t> no = tokenizer_->encode_ids(spec_.no, false);
    const size_t common = std::min(yes.size(), no.size());
    if (common == 0 ||
        std::equal(yes.begin(), yes.begin() + static_cast<int64_t>(common), no.begin())) {
      yes = StepPrompter::answer_ids(*tokenizer_, spec_.yes);
      no = StepPrompter::answer_ids(*tokenizer_, spec_.no);
    }
    return {std::move(yes), std::move(no)};
  }

  const StepAsking& asking_;
  const StepPrompter& prompter_;
  const PipelineSpec& spec_;
  const text::Tokenizer* tokenizer_;
  std::vector<AskedText>& texts_;
  AskedCounts& counts_;
  ConstraintMaker constraints_;
  std::vector<std::vector<int32_t>> roots_;
  std::vector<State> states_;
  std::vector<State> next_;
  // Names that were noted as in no answer: text, step, field, name.
  std::set<std::tuple<size_t, size_t, std::string, std::string>> noted_;
  size_t step_ = 0;
  Variables inputs_ = 0;
};

}  // namespace

Status ask_steps(const StepAsking& asking, std::vector<AskedText>& texts, AskedCounts& counts) {
  counts.texts += static_cast<int64_t>(texts.size());
  return StepRun(asking, texts, counts).run();
}

}  // namespace relata::extract
