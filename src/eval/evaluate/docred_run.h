// DocRED's score of files: its own two as they are read, others as documents.
#pragma once

#include <memory>
#include <optional>

#include "evaluate/sources.h"
#include "relata/base/parallel.h"
#include "relata/eval/docred.h"

namespace relata::eval {

class DocRedRun {
 public:
  // Borrows the sources.
  explicit DocRedRun(Sources& sources) : sources_(sources) {}

  struct Outcome {
    DocumentScores scores;
    size_t documents = 0;  // of gold
  };
  Result<Outcome> score(const Metric& metric, System& system);

 private:
  Status start_train_facts();
  Status finish_train_facts();
  Status settle_answers(const DocRedGold& gold, size_t gold_relations, DocRedAnswers& answers,
                        const System& system);
  void drop_negative(DocRedGold& gold, DocRedAnswers& answers) const;

  Sources& sources_;
  std::optional<Result<TrainFacts>> train_facts_;
  std::unique_ptr<WorkAhead> facts_ahead_;  // behind what it works on, so that it ends first
};

}  // namespace relata::eval
