// The training loop: full fine-tuning, training from scratch and LoRA, on packed rows.
//
// A row is one token sequence with a loss weight per token. Batches are packed without padding and
// without attention between rows; the loss of an optimiser step is normalised by the weights of all
// its micro-batches. Keys follow Hugging Face's TrainingArguments.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/fields.h"
#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/train/objective.h"
#include "relata/train/process_group.h"

namespace relata::train {

// weights[i] is the weight of predicting ids[i] from what precedes it; weights[0] is not used.
struct Row {
  std::vector<int32_t> ids;
  std::vector<float> weights;    // on answer tokens
  std::vector<float> secondary;  // on prompt tokens; scaled by prompt_loss_weight; may be empty
  // Neighbouring rows of one group (a document's) are trained on in one batch; -1: of none.
  int64_t group = -1;
  int adapter = 0;  // of the model's adapters, the one that is trained; no matter without adapters
  int64_t source = 0;  // of encoder-decoders: so many tokens are the source, which takes no loss;
                       // the next is the one that targets begin with
};

struct TrainerConfig {
  std::string output_dir;
  double learning_rate = 1e-3;
  std::string lr_scheduler_type = "cosine";  // or linear, constant, constant_with_warmup, its twin
  double warmup_ratio = 0.0;
  int64_t warmup_steps = 0;  // wins over the ratio when positive
  double num_train_epochs = 3.0;
  int64_t max_steps = -1;          // wins over epochs when positive
  double max_train_minutes = 0.0;  // 0: no limit. The schedule then follows the time spent.
  int64_t per_device_train_batch_size = 16;
  int64_t gradient_accumulation_steps = 1;
  double weight_decay = 0.0;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1.0;
  double dropout = 0.0;
  double token_dropout = 0.0;  // share of prompt tokens replaced by `token_dropout_id`
  int64_t token_dropout_id = 0;
  double prompt_loss_weight = 0.0;  // weight of the secondary loss
  double prompt_loss_share = 1.0;   // it is on for this share of the run, from its start
  double ema_decay = 0.0;           // > 0: evaluate and keep an exponential average of the weights
  bool gradient_checkpointing = false;
  bool shuffle = true;
  int64_t seed = 42;
  int64_t logging_steps = 20;
  int64_t eval_steps = 0;     // 0: at the end of every epoch when there is an evaluation
  double eval_minutes = 0.0;  // > 0: by time instead
  int64_t save_steps = 0;     // 0: only at the end
  int64_t save_total_limit = 2;
  int64_t early_stopping_patience = 0;  // evaluations without improvement; 0: off
  std::string resume_from_checkpoint;   // "", "auto" or a checkpoint folder
  bool overwrite_output_dir = false;    // begin again where a finished run lies
  // What else decides about the weights, for the caller to say: a checkpoint that differs in one of
  // these keys is refused by its name. A value that stands for content (a file, a model) is
  // {"value": what people call it, "sha256": its identity} and is compared by the latter.
  Json settings = Json::object();
  // The processes that train together, each on its share of every step; null: this one alone. A
  // step then has gradient_accumulation_steps micro-batches for each process.
  std::shared_ptr<ProcessGroup> processes;
  int process_count() const { return processes == nullptr ? 1 : processes->count(); }
  // Called when all is found to be in order, before anything is written into output_dir; null:
  // nothing. In the first process alone.
  std::function<Status()> begins;
};

// Reads the keys above but `settings`, each within its range; unknown keys are the caller's to
// report (Fields::finish()).
void read_trainer_config(Fields& fields, TrainerConfig& config);
// All of them with their values, defaults included.
Json trainer_config_to_json(const TrainerConfig& config);
// Whether every value is within its range.
Status check_trainer_config(const TrainerConfig& config);

// Refuses, before anything is written, an output folder in which a run has finished, unless it is
// resumed or overwrite_output_dir is set. run.json there says so, or a trained model that was left
// without it.
Status check_output_dir(const TrainerConfig& config);
// Whether training would go on from a checkpoint, be it a good one or not.
Result<bool> resumes(const TrainerConfig& config);
// Refuses a checkpoint that training with `config` would resume from and that has other settings,
// before there is anything to train: compared is what `config` and its `settings` hold so far, but
// for the dataset. train() compares all.
Status check_resume(const TrainerConfig& config);
// To be called when the run's result lies in its folder.
Status mark_finished(const std::string& output_dir);

// A task metric on the model as it is; larger is better. Called with gradients off.
using Evaluate = std::function<Result<double>()>;

struct TrainSummary {
  int64_t steps = 0;
  double seconds = 0;
  // Mean over the last logging interval; not a number where no step was made.
  double final_loss = std::numeric_limits<double>::quiet_NaN();
  double best_metric = 0;  // when evaluated
  int64_t best_step = 0;
  int64_t tokens = 0;  // trained on in this run
  int64_t answer_tokens = 0;
};

// Several processes train to the same weights as one that takes the same micro-batches in one step,
// but for rounding and noise; the first evaluates and writes. Where one fails, all do.
//
// Trains `model` in place; on return it holds the best weights when there was an evaluation, else
// the last. Writes run.json, train_log.jsonl, loss.svg and checkpoints into output_dir; of other
// runs' checkpoints there it takes none and deletes none. A killed run resumes from its last
// checkpoint to the same weights, bit for bit on the CPU with the same threads.
// Errors: an empty data set, rows longer than the model's positions, a value outside its range, a
// checkpoint of other settings (which may differ in length, evaluation, logging and saving), a
// damaged one, a gradient or weight that is not finite (named; nothing is saved then), a full disk
// (what was saved before stays valid).
Result<TrainSummary> train(model::Decoder& model, const std::vector<Row>& rows,
                           const TrainerConfig& config, const Evaluate& evaluate = {},
                           const std::string& metric_name = "metric");
// The same for any objective. Weights whose gradients the caller has switched off stay as they are.
Result<TrainSummary> train(model::Decoder& model, const Objective& objective,
                           const TrainerConfig& config, const Evaluate& evaluate = {},
                           const std::string& metric_name = "metric");

}  // namespace relata::train
