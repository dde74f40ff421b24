#include "stage_training.h"

#include "relata/base/member_reader.h"

namespace relata::retrieve {

Json trainer_inputs(const train::TrainerConfig& config) {
  Json out = train::trainer_config_to_json(config);
  for (const char* key : {"output_dir", "logging_steps", "save_steps", "save_total_limit",
                          "resume_from_checkpoint", "overwrite_output_dir"}) {
    out.erase(key);
  }
  // A step of several has the questions of all.
  if (config.process_count() > 1) out["processes"] = config.process_count();
  return out;
}

Result<train::TrainSummary> train_stage(const Stage& stage, model::Decoder& model,
                                        const train::Objective& objective,
                                        train::TrainerConfig config,
                                        const std::function<Status()>& save) {
  config.output_dir = stage.folder();
  RELATA_TRY(train::TrainSummary done, train::train(model, objective, config));
  if (config.processes != nullptr && !config.processes->leads()) return done;
  RELATA_CHECK(save());
  RELATA_CHECK(train::mark_finished(config.output_dir));
  RELATA_CHECK(stage.finish({{"questions", objective.size()},
                             {"steps", done.steps},
                             {"loss", done.final_loss},
                             {"seconds", done.seconds}}));
  return done;
}

train::TrainSummary earlier_training(const Stage& stage) {
  train::TrainSummary out;
  const Json facts = stage.facts();
  MemberReader members(facts, stage.folder());
  out.steps = members.integer("steps", 0);
  out.seconds = members.number("seconds", 0);
  out.final_loss = members.number("loss", out.final_loss);
  return out;
}

}  // namespace relata::retrieve
