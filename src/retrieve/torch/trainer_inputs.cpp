#include "trainer_inputs.h"

namespace relata::retrieve {

Json trainer_inputs(const train::TrainerConfig& config) {
  Json out = train::trainer_config_to_json(config);
  for (const char* key : {"output_dir", "logging_steps", "save_steps", "save_total_limit",
                          "resume_from_checkpoint", "overwrite_output_dir"}) {
    out.erase(key);
  }
  return out;
}

}  // namespace relata::retrieve
