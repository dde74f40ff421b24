// What a checkpoint and the run that resumes from it must agree on, key by key.
#pragma once

#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/model/decoder.h"
#include "relata/train/trainer.h"

namespace relata::train {

// Every key of the configuration and of config.settings; under "dataset" also `items`, the identity
// of what is trained on, and under "trained weights" that of their names and sizes.
// gradient_accumulation_steps is that of all processes together: a step is then the same, however
// many they are.
//
// stated_settings(): what of it is known without a model and rows.
Json stated_settings(const TrainerConfig& config);
Json run_settings(const TrainerConfig& config, const std::string& items,
                  const std::vector<model::Decoder::Parameter>& parameters);

// A usage error that names the keys that differ, with the old value and the new one. The length of
// the run, evaluations, logging and saving may differ.
Status check_same_settings(const Json& before, const Json& now, const std::string& where);

// The keys in which two such settings differ, whatever they are.
std::vector<std::string> differing_keys(const Json& before, const Json& now);

// Whether the run's length was set anew, so that a run that had ended may go on.
bool length_differs(const Json& before, const Json& now);

}  // namespace relata::train
