#include "train/row_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "relata/base/log.h"

namespace relata::app {
namespace {

// In nats, over the tokens of the answers, which are what has a loss.
Result<double> mean_answer_loss(generate::Engine& engine, const std::vector<train::Row>& rows,
                                const std::vector<std::string>& adapters) {
  std::vector<generate::ScoreRequest> requests;
  double tokens = 0;
  for (const train::Row& row : rows) {
    const auto answer = std::find_if(row.weights.begin(), row.weights.end(),
                                     [](float weight) { return weight > 0; });
    const auto begin = row.ids.begin() + (answer - row.weights.begin());
    generate::ScoreRequest& request = requests.emplace_back();
    request.prefix.assign(row.ids.begin(), row.source > 0 ? row.ids.begin() + row.source : begin);
    request.continuations = {{begin, row.ids.end()}};
    if (adapters.size() > 1) request.adapter = adapters.at(static_cast<size_t>(row.adapter));
    tokens += static_cast<double>(row.ids.end() - begin);
  }
  RELATA_TRY(const auto results, engine.score(requests));
  double sum = 0;
  for (const generate::ScoreResult& result : results) sum += result.total(0);
  return -sum / std::max(tokens, 1.0);
}

}  // namespace

TrainConfig for_evaluation(const TrainConfig& config) {
  TrainConfig out = config;
  out.train_on_prompt = false;
  out.trainer.prompt_loss_weight = 0;
  return out;
}

train::Evaluate row_evaluation(generate::Engine& engine, const std::vector<train::Row>& rows,
                               std::vector<std::string> adapters) {
  if (rows.empty()) return {};
  return [&engine, &rows, adapters = std::move(adapters)]() -> Result<double> {
    RELATA_TRY(const double loss, mean_answer_loss(engine, rows, adapters));
    log_info(fmt::format("loss on the development set: {:.4f}", loss));
    return std::exp(-loss);
  };
}

}  // namespace relata::app
