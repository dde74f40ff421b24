// What all kinds of training share: the model, what checkpoints must agree on, and the result.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/extract/extractor.h"
#include "relata/model/decoder.h"
#include "relata/text/tokenizer.h"
#include "relata/train/trainer.h"
#include "train/row_evaluation.h"
#include "train/train_config.h"
#include "train/train_data.h"

namespace relata::app {

// The configuration's model, read or new, with adapters of these names to be trained where it
// trains any. `tokenizer` may be null where rows are ids.
Result<std::shared_ptr<model::Decoder>> prepare_model(const TrainConfig& config,
                                                      const text::Tokenizer* tokenizer,
                                                      const std::vector<std::string>& adapters);

// Whether activated adapters can act in the rows. Tells how many they cannot act in; none at all is
// an error.
Status check_invocations(const model::Decoder& model, const std::vector<train::Row>& rows);

// Where the vocabulary of a model from scratch lies until the run has ended.
std::string new_vocabulary_folder(const TrainConfig& config);

// Whether this process is the one that writes: the only one, or the first of several.
bool leads(const TrainConfig& config);

// A setting that stands for content, and the identity of a text, as TrainerConfig::settings wants.
Json content_setting(const Json& value, const std::string& identity);
std::string text_identity(const std::string& text);

// The trainer's configuration with what its checkpoints must agree on: the whole configuration, and
// for what names files (the base model, schema, template, `development` data) their content, so
// that folders may be moved. Either pointer may be null.
Result<train::TrainerConfig> with_settings(const TrainConfig& config,
                                           const extract::Extractor* extractor,
                                           const TaskData* development);

// Refuses to resume a run of another configuration, before data are read or anything is written;
// what stands for content is compared when it has been read.
Status check_same_run(const TrainConfig& config);

// Writes adapters or the model, and the extractor where there is one, and marks the run finished.
Status save_result(const TrainConfig& config, const model::Decoder& model,
                   const text::Tokenizer* tokenizer, extract::Extractor* extractor);

// Tells the result on standard output.
void report(const TrainConfig& config, const train::TrainSummary& summary, const MetricName& metric,
            const Context& context);

}  // namespace relata::app
