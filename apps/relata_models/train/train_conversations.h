// Rows of stage sft: conversations as they stand, each answer a row of its own. What answers of one
// conversation have in common is computed once in a batch, as of all rows.
#pragma once

#include <string>
#include <vector>

#include "relata/text/tokenizer.h"
#include "relata/train/trainer.h"
#include "train/train_config.h"

namespace relata::app {

// Of the files or names (dataset_info.json), in order: each answer with all that was said before
// it. `limit` conversations at most (0: all), drawn by chance. Rows over cutoff_len are left out,
// which is told. Errors: what read_conversations() refuses; a system message or several turns where
// the chat wrapper knows one turn only.
Result<std::vector<train::Row>> conversation_rows(const std::vector<std::string>& names,
                                                  int64_t limit, const text::Tokenizer& tokenizer,
                                                  const TrainConfig& config);

}  // namespace relata::app
