// What the objectives have in common whose items are questions with candidates.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pass_settings.h"
#include "relata/retrieve/retriever.h"
#include "relata/train/objective.h"
#include "relata/train/trainer.h"
#include "ruie/questions.h"

namespace relata::retrieve {

class QuestionsObjective : public train::Objective {
 public:
  int64_t size() const override { return std::ssize(questions_); }
  Status check(const model::Decoder& model) const override;
  std::string identity() const override { return questions_identity(pool_, questions_); }
  std::vector<int64_t> order(int64_t epoch) const override;
  int64_t step_end(const std::vector<int64_t>& order, int64_t begin) const override;

 protected:
  // Borrows all.
  QuestionsObjective(const RetrieverPool& pool, const std::vector<Question>& questions,
                     const train::TrainerConfig& config)
      : pool_(pool), questions_(questions), config_(config) {}
  // Of the questions [begin, end) of the step, those of this process.
  static std::pair<int64_t, int64_t> share_of(const train::StepItems& items, int64_t begin,
                                              int64_t end);
  // Of the pass over that part of the step which `at`, a place in its order, tells from the others.
  PassSettings pass_settings(const train::StepItems& items, int64_t at) const;

  const RetrieverPool& pool_;
  const std::vector<Question>& questions_;
  const train::TrainerConfig& config_;
};

}  // namespace relata::retrieve
