// From data sets to training rows: queries of the pair task rendered, encoded and weighted.
#pragma once

#include <string>
#include <vector>

#include "relata/data/formats.h"
#include "relata/extract/pair.h"
#include "train/train_config.h"

namespace relata::app {

struct TaskData {
  std::vector<data::Document> documents;
  std::vector<data::PairQuery> queries;
};

// Reads the files in order; `limit` queries at most (0: all), drawn by chance, since files are
// often sorted by label, and kept in their order.
Result<TaskData> read_task_data(const std::vector<std::string>& paths, const std::string& format,
                                int64_t limit, int64_t seed = 42);

// How the model to be trained takes a prompt and its answer: in one sequence, or, of
// encoder-decoders, as a source and a target.
struct RowForm {
  bool parted = false;
  int32_t start = 0;     // the token that targets begin with
  int32_t closing = -1;  // the token that ends a source; -1: none
  // Sets ids and source, and the weight 1 of the answer, 0 of all before it.
  void join(const std::vector<int32_t>& prompt, const std::vector<int32_t>& answer,
            train::Row& row) const;
};
// Of the configuration's model. Errors: settings that do not fit an encoder-decoder, by name.
Result<RowForm> row_form(const TrainConfig& config, const text::Tokenizer& tokenizer);

// The row of a prompt and its answer, with the loss that the configuration puts on either.
train::Row make_row(const std::vector<int32_t>& prompt, const std::vector<int32_t>& answer,
                    const TrainConfig& config, const RowForm& form);

// The prompts of all queries as text, to train a vocabulary on.
Result<std::vector<std::string>> prompt_texts(const extract::Extractor& extractor,
                                              const TaskData& data);

struct RowCount {
  int64_t too_long = 0;                   // rows over cutoff_len, left out
  extract::DemonstrationCounts examples;  // of the prompts
};
Result<std::vector<train::Row>> task_rows(const extract::Extractor& extractor,
                                          const text::Tokenizer& tokenizer, const TaskData& data,
                                          const TrainConfig& config, RowCount& count);

// JSONL {"ids": [...], "labels": [...]}; a label of -100 takes no loss, as in Transformers. Of
// encoder-decoders also "source_ids", and "ids" begins with the token that targets begin with.
// Rows of more than `cutoff_len` ids are left out, which is told.
Result<std::vector<train::Row>> read_id_rows(const std::vector<std::string>& paths,
                                             int64_t cutoff_len);

// The rows as JSONL, as read_id_rows() reads them.
std::string id_rows_text(const std::vector<train::Row>& rows);
// The pairs that an evaluation scores, as JSONL {"prompt_ids", "continuation_ids", "gold"}: one
// continuation per relation type of the schema, gold the indices of the right ones. `relata score`
// reads it.
Result<std::string> score_rows_text(const extract::Extractor& extractor,
                                    const text::Tokenizer& tokenizer, const TaskData& data);

}  // namespace relata::app
