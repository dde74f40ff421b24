// run.json of an output folder: which run its checkpoints of today belong to, and whether it ended.
#pragma once

#include <string>

#include "relata/base/result.h"
#include "relata/train/trainer.h"

namespace relata::train {

struct RunRecord {
  std::string id;  // "": the folder has no run.json
  bool finished = false;
};

Result<RunRecord> read_run(const std::string& output_dir);
Status write_run(const std::string& output_dir, const RunRecord& run);
std::string new_run_id();

// resume_from_checkpoint, whose words "false" and "true" mean "" and "auto".
std::string resume_choice(const TrainerConfig& config);

}  // namespace relata::train
