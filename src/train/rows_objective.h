// The objective of language models: the next token of rows.
#pragma once

#include <string>
#include <vector>

#include "relata/train/objective.h"
#include "relata/train/trainer.h"

namespace relata::train {

// Borrows both.
class RowsObjective final : public Objective {
 public:
  RowsObjective(const std::vector<Row>& rows, const TrainerConfig& config)
      : rows_(rows), config_(config) {}
  int64_t size() const override { return std::ssize(rows_); }
  Status check(const model::Decoder& model) const override;
  std::string identity() const override;
  std::vector<int64_t> order(int64_t epoch) const override;
  int64_t step_end(const std::vector<int64_t>& order, int64_t begin) const override;
  Result<StepLoss> add_gradients(const model::Decoder& model,
                                 const StepItems& items) const override;

 private:
  const std::vector<Row>& rows_;
  const TrainerConfig& config_;
};

}  // namespace relata::train
