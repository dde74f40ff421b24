// Asks the steps of a pipeline about some texts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gold.h"
#include "relata/extract/facts.h"
#include "relata/generate/engine.h"
#include "relata/generate/grounded.h"
#include "step_prompt.h"

namespace relata::extract {

struct FoundFact {
  Binding fact;
  double logprob = 0.0;
};

struct Unparsed {
  Question question;
  std::string problem;
  std::string answer;
  bool unanswered = false;  // nothing was asked, or nothing came back
  bool asked = true;
};

// A document or a window of one, and what was found in it.
struct AskedText {
  data::Document document;
  std::vector<NamedEntity>
      entities;  // what heads and tails are chosen from; none: the text's spans
  std::map<std::string, std::string> names;  // of these: here, to in the whole document
  std::vector<FoundFact> facts;              // this and what follows: set by ask_steps()
  std::vector<Unparsed> unparsed;
  bool scored = true;  // false where the engine told no probabilities of an answer
};

struct StepAsking {
  const StepPrompter& prompter;
  const Extractor& extractor;
  generate::Engine& engine;
  std::shared_ptr<const generate::AnswerCompiler> compiler;  // null: no constraints
  bool shapes = false;  // tells engines that take text what answers may be
};

// Each step is asked about all texts at once.
Status ask_steps(const StepAsking& asking, std::vector<AskedText>& texts, AskedCounts& counts);

}  // namespace relata::extract
