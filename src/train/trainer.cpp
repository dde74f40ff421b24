#include "relata/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>
#include <span>

#include "distributed/gradients.h"
#include "optimizer.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"
#include "relata/model/decoder.h"
#include "relata/train/schedule.h"
#include "rows_objective.h"
#include "run_folder.h"
#include "settings.h"
#include "state.h"
#include "train_log.h"

namespace relata::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kDamagedModel =
    "the files of the model or of the checkpoint are damaged; get them again";
constexpr const char* kDiverged =
    "nothing of it is saved; lower learning_rate, or set max_grad_norm";

class Loop {
 public:
  Loop(model::Decoder& model, const Objective& objective, const TrainerConfig& config,
       const Evaluate& evaluate, std::string metric_name)
      : model_(model),
        objective_(objective),
        config_(config),
        evaluate_(evaluate),
        metric_name_(std::move(metric_name)),
        processes_(config.processes.get()),
        leads_(processes_ == nullptr || processes_->leads()),
        parameters_(model.trainable()) {
    std::erase_if(parameters_, [](const model::Decoder::Parameter& p) {
      return !p.value.requires_grad();  // frozen by the caller
    });
  }

  Result<TrainSummary> run() {
    auto summary = run_all();
    if (!summary.ok() && processes_ != nullptr) processes_->give_up(summary.error().message);
    return summary;
  }

 private:
  Result<TrainSummary> run_all();
  Status prepare();
  Status resume();
  void leave_later_checkpoints(const std::string& run_of_folder);
  // Several processes: whether all are at the same place of the same run.
  Status check_processes_agree();
  // What processes count, summed up.
  Status add_up(StepLoss& found);
  // Reads the clock by which the run decides: that of the first process.
  Status tick();
  Status one_step();
  Status optimise(double rate);
  // Of the weights that are trained.
  Status check_finite(const std::string& when, const std::string& hint) const;
  Error bad_loss() const;
  Status save();
  Status after_step();
  Status evaluate_now();
  Status log_interval();
  double fraction() const;  // of the run that is done
  double elapsed() const {
    return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
  }
  bool finished() const;
  void copy_into_model(const std::vector<at::Tensor>& values);

  model::Decoder& model_;
  const Objective& objective_;
  const TrainerConfig& config_;
  const Evaluate& evaluate_;
  std::string metric_name_;
  ProcessGroup* processes_;  // null: this process alone
  bool leads_;               // writes the folder and the log, and evaluates
  std::vector<model::Decoder::Parameter> parameters_;
  TrainState state_;
  std::optional<TrainLog> log_;
  RunIdentity run_;
  std::string left_run_;  // the folder's until there is a checkpoint of this one; "": none
  std::vector<int64_t> order_;
  int64_t order_epoch_ = -1;
  int64_t total_steps_ = 0;
  int64_t steps_per_epoch_ = 0;
  Clock::time_point start_;
  double seconds_before_ = 0;
  double now_ = 0;  // as of tick()
  double last_evaluation_ = 0;
  bool stop_early_ = false;

  // Since the last log line.
  double loss_sum_ = 0, gradient_norm_ = 0, rate_ = 0, interval_start_ = 0;
  int64_t loss_count_ = 0, interval_tokens_ = 0, interval_answers_ = 0;
  TrainSummary summary_;
};

Status Loop::prepare() {
  RELATA_CHECK(check_trainer_config(config_));
  RELATA_CHECK(objective_.check(model_));
  if (config_.token_dropout_id >= model_.config().vocab_size) {
    return usage_error(fmt::format("token_dropout_id {} is outside the vocabulary of {}",
                                   config_.token_dropout_id, model_.config().vocab_size),
                       "name the id of a token that the model knows, such as its <unk>");
  }
  for (const auto& p : parameters_) {
    if (p.value.scalar_type() != at::kFloat) {
      return usage_error("trained weights must be float32", "load the model with dtype: float32");
    }
  }
  steps_per_epoch_ = 0;
  const std::vector<int64_t> first = objective_.order(0);
  for (int64_t at = 0; at < std::ssize(first); ++steps_per_epoch_) {
    at = objective_.step_end(first, at);
  }
  total_steps_ = config_.max_steps > 0
                     ? config_.max_steps
                     : std::max<int64_t>(1, std::llround(config_.num_train_epochs *
                                                         static_cast<double>(steps_per_epoch_)));
  at::manual_seed(config_.seed);
  RELATA_CHECK(resume());
  RELATA_CHECK(check_finite("before training", kDamagedModel));
  model_.weights_changed();
  RELATA_CHECK(check_processes_agree());
  if (leads_) {
    RELATA_CHECK(make_folders(config_.output_dir));
    if (config_.begins) RELATA_CHECK(config_.begins());
    RELATA_TRY(log_, TrainLog::open(config_.output_dir, state_.step));
    // The folder is ours now.
    RELATA_CHECK(write_run(config_.output_dir, {left_run_.empty() ? run_.id : left_run_, false}));
  }
  seconds_before_ = state_.seconds;
  start_ = Clock::now();
  RELATA_CHECK(tick());
  last_evaluation_ = interval_start_ = elapsed();
  return {};
}

Status Loop::check_processes_agree() {
  if (processes_ == nullptr) return {};
  Json mine = run_.settings;
  mine["step"] = state_.step;
  RELATA_TRY(const std::string text, processes_->share(mine.dump()));
  RELATA_TRY(const Json first, parse_json(text, "process 0"));
  std::string names;
  for (const std::string& key : differing_keys(first, mine)) {
    if (key != "output_dir") names += (names.empty() ? "" : ", ") + key;
  }
  if (names.empty()) return {};
  return usage_error(
      fmt::format("process {} differs from process 0 in: {}", processes_->rank(), names),
      "start all with the same command line, where they see the same files, checkpoints too");
}

Status Loop::add_up(StepLoss& found) {
  if (processes_ == nullptr) return {};
  std::array<double, 3> counts = {found.loss, static_cast<double>(found.tokens),
                                  static_cast<double>(found.answer_tokens)};
  RELATA_CHECK(processes_->sum(std::span<double>(counts)));
  found = {counts[0], static_cast<int64_t>(counts[1]), static_cast<int64_t>(counts[2])};
  if (!std::isfinite(found.loss)) return {};  // all stop
  return sum_gradients(parameters_, *processes_);
}

Status Loop::tick() {
  now_ = elapsed();
  const bool decides = config_.max_train_minutes > 0 || config_.eval_minutes > 0;
  if (processes_ != nullptr && decides) {
    RELATA_TRY(now_, processes_->share(now_));
  }
  return {};
}

// From a checkpoint, or from the model as it is.
Status Loop::resume() {
  RELATA_TRY(const RunRecord record, read_run(config_.output_dir));
  run_ = {record.id, run_settings(config_, objective_.identity(), parameters_)};
  RELATA_TRY(const bool resumed,
             load_checkpoint(config_, run_, objective_.size(), parameters_, state_));
  if (resumed) {
    if (config_.max_train_minutes <= 0 && state_.step > total_steps_) {
      return usage_error(fmt::format("the checkpoint is of step {}, and this run has {}: max_steps "
                                     "or num_train_epochs is too small to go on",
                                     state_.step, total_steps_),
                         "raise it, or resume from an older checkpoint");
    }
    log_info(fmt::format("resuming after step {} of {}", state_.step, config_.output_dir));
    leave_later_checkpoints(record.id);
  } else {
    const size_t others = checkpoint_folders(config_.output_dir).size();
    if (others > 0 && leads_) {
      log_warning(
          fmt::format("{}: begins a new run beside {} checkpoint{} of another, which this "
                      "run neither uses nor deletes, but for equal names",
                      config_.output_dir, others, others == 1 ? "" : "s"));
    }
    run_.id = new_run_id();
    for (const auto& p : parameters_) {
      state_.first.push_back(at::zeros_like(p.value.detach()));
      state_.second.push_back(at::zeros_like(p.value.detach()));
      if (config_.ema_decay > 0) state_.average.push_back(p.value.detach().clone());
    }
  }
  return {};
}

// What was made after the step that this run goes on from is another course: under the same id,
// "auto" would go on from that, and save_total_limit delete what is saved now.
void Loop::leave_later_checkpoints(const std::string& run_of_folder) {
  if (!has_later_checkpoint(config_.output_dir, run_.id, state_.step)) return;
  left_run_ = run_of_folder;
  run_.id = new_run_id();
  if (!leads_) return;
  log_warning(
      fmt::format("{}: the checkpoints after step {} are neither used nor deleted by this "
                  "run, but for equal names",
                  config_.output_dir, state_.step));
}

Status Loop::check_finite(const std::string& when, const std::string& hint) const {
  std::vector<std::pair<std::string, at::Tensor>> values;
  for (const auto& p : parameters_) values.emplace_back(p.name, p.value);
  const std::string name = first_bad_tensor(values);
  if (name.empty()) return {};
  return input_error(fmt::format("{}: the weight {} holds a number that is not finite", when, name),
                     hint);
}

Error Loop::bad_loss() const {
  const std::string name = first_bad_tensor(model_.named_weights());
  return input_error(fmt::format("the loss is not finite at step {}{}", state_.step + 1,
                                 name.empty() ? "" : ": the weight " + name + " is not finite"),
                     name.empty() || state_.step > 0
                         ? "lower learning_rate, or check the data for broken rows"
                         : kDamagedModel);
}

Status Loop::save() {
  RELATA_CHECK(check_finite(fmt::format("after step {}", state_.step), kDiverged));
  if (!leads_) return {};
  state_.seconds = elapsed();
  RELATA_CHECK(save_checkpoint(config_, run_, parameters_, state_));
  if (left_run_.empty()) return {};
  left_run_.clear();
  return write_run(config_.output_dir, {run_.id, false});
}

double Loop::fraction() const {
  if (config_.max_train_minutes > 0) return now_ / (60.0 * config_.max_train_minutes);
  return static_cast<double>(state_.step) / static_cast<double>(total_steps_);
}

bool Loop::finished() const {
  if (state_.finished || stop_early_) return true;
  if (config_.max_train_minutes > 0) {
    return fraction() >= 1.0 || (config_.max_steps > 0 && state_.step >= config_.max_steps);
  }
  return state_.step >= total_steps_;
}

Status Loop::optimise(double rate) {
  at::NoGradGuard no_grad;
  double norm = gradient_norm(parameters_);
  // Summed with another number of threads it could differ in its last bit, and weights with it.
  if (processes_ != nullptr) {
    RELATA_TRY(norm, processes_->share(norm));
  }
  if (!std::isfinite(norm)) {
    const std::string name = first_bad_gradient(parameters_);
    for (auto& p : parameters_) p.value.mutable_grad() = at::Tensor();
    return input_error(
        fmt::format("the gradient of {} is not finite at step {}", name, state_.step + 1),
        "the step was not made and nothing of it is saved; lower learning_rate, or "
        "check the data for broken rows");
  }
  gradient_norm_ = norm;
  AdamWOptions options;
  options.step = state_.step + 1;
  options.learning_rate = rate;
  options.beta1 = config_.adam_beta1;
  options.beta2 = config_.adam_beta2;
  options.epsilon = config_.adam_epsilon;
  options.weight_decay = config_.weight_decay;
  const bool clip = config_.max_grad_norm > 0 && norm > config_.max_grad_norm;
  options.gradient_scale = clip ? config_.max_grad_norm / (norm + 1e-6) : 1.0;
  // Early on the average must forget the initial weights quickly.
  const auto t = static_cast<double>(options.step);
  options.average_keep = std::min(config_.ema_decay, (1.0 + t) / (10.0 + t));
  adamw_step(model_, parameters_, state_, options);
  return {};
}

Status Loop::one_step() {
  if (order_epoch_ != state_.epoch) {
    order_ = objective_.order(state_.epoch);
    order_epoch_ = state_.epoch;
  }
  const int64_t end = objective_.step_end(order_, state_.next_row);
  StepItems items{order_, state_.next_row, end, state_.step, state_.epoch, fraction()};
  if (processes_ != nullptr) {
    items.process = processes_->rank();
    items.processes = processes_->count();
  }
  if (processes_ != nullptr || !model_.device().is_cpu()) {
    // Noise of the generator is a function of step and process: a checkpoint has one state only, of
    // the CPU's.
    at::manual_seed((static_cast<uint64_t>(config_.seed) << 32U) ^
                    (static_cast<uint64_t>(state_.step * items.processes + items.process)));
  }
  RELATA_TRY(StepLoss found, objective_.add_gradients(model_, items));
  RELATA_CHECK(add_up(found));
  RELATA_CHECK(tick());
  interval_tokens_ += found.tokens;
  interval_answers_ += found.answer_tokens;
  const double loss = found.loss;
  if (!std::isfinite(loss)) return bad_loss();
  double warmup = static_cast<double>(config_.warmup_steps);
  const bool timed = config_.max_train_minutes > 0;
  const double total = timed ? 60.0 * config_.max_train_minutes : static_cast<double>(total_steps_);
  if (warmup <= 0 || timed) warmup = config_.warmup_ratio * total;
  rate_ = config_.learning_rate * schedule_factor(config_.lr_scheduler_type,
                                                  timed ? now_ : static_cast<double>(state_.step),
                                                  total, warmup);
  RELATA_CHECK(optimise(rate_));
  ++state_.step;
  state_.next_row = end;
  if (end >= objective_.size()) {
    state_.next_row = 0;
    ++state_.epoch;
  }
  loss_sum_ += loss;
  ++loss_count_;
  return {};
}

void Loop::copy_into_model(const std::vector<at::Tensor>& values) {
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < values.size(); ++i) parameters_[i].value.copy_(values[i]);
  model_.weights_changed();
}

Status Loop::evaluate_now() {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> current;
  if (!state_.average.empty()) {
    for (const auto& p : parameters_) current.push_back(p.value.detach().clone());
    copy_into_model(state_.average);
  }
  Result<double> metric = leads_ ? evaluate_() : Result<double>(0.0);
  if (metric.ok() && processes_ != nullptr) metric = processes_->share(*metric);
  if (metric.ok() && *metric > state_.best_metric) {
    state_.best_metric = *metric;
    state_.best_step = state_.step;
    state_.stale_evaluations = 0;
    state_.best.clear();
    for (const auto& p : parameters_) state_.best.push_back(p.value.detach().clone());
  } else {
    ++state_.stale_evaluations;
  }
  if (!current.empty()) copy_into_model(current);
  if (!metric.ok()) return metric.error();
  RELATA_CHECK(tick());
  last_evaluation_ = now_;
  if (config_.early_stopping_patience > 0 &&
      state_.stale_evaluations >= config_.early_stopping_patience) {
    stop_early_ = true;
  }
  Json line;
  line["step"] = state_.step;
  line["seconds"] = elapsed();
  line["metric"] = *metric;
  line["metric_name"] = metric_name_;
  log_info(fmt::format("step {}: {} {:.4f} (best {:.4f} at step {})", state_.step, metric_name_,
                       *metric, state_.best_metric, state_.best_step));
  return log_ ? log_->add(line) : Status();
}

Status Loop::log_interval() {
  if (loss_count_ == 0) return {};
  const double now = elapsed();
  const double seconds = std::max(1e-9, now - interval_start_);
  Json line;
  line["step"] = state_.step;
  line["epoch"] = static_cast<double>(state_.step) / static_cast<double>(steps_per_epoch_);
  line["loss"] = loss_sum_ / static_cast<double>(loss_count_);
  line["grad_norm"] = gradient_norm_;
  line["learning_rate"] = rate_;
  line["seconds"] = now;
  line["tokens_per_second"] = static_cast<double>(interval_tokens_) / seconds;
  line["answer_tokens_per_second"] = static_cast<double>(interval_answers_) / seconds;
  summary_.final_loss = line["loss"].get<double>();
  summary_.tokens += interval_tokens_;
  summary_.answer_tokens += interval_answers_;
  loss_sum_ = 0;
  loss_count_ = interval_tokens_ = interval_answers_ = 0;
  interval_start_ = now;
  return log_ ? log_->add(line) : Status();
}

Status Loop::after_step() {
  const int64_t step = state_.step;
  if (config_.logging_steps > 0 && step % config_.logging_steps == 0) RELATA_CHECK(log_interval());
  if (evaluate_) {
    const bool by_steps = config_.eval_steps > 0 && step % config_.eval_steps == 0;
    const bool by_time =
        config_.eval_minutes > 0 && now_ - last_evaluation_ >= 60.0 * config_.eval_minutes;
    const bool by_epoch =
        config_.eval_steps <= 0 && config_.eval_minutes <= 0 && step % steps_per_epoch_ == 0;
    if (by_steps || by_time || by_epoch || finished()) {
      RELATA_CHECK(log_interval());
      RELATA_CHECK(evaluate_now());
      interval_start_ = elapsed();
    }
  }
  if (config_.save_steps > 0 && step % config_.save_steps == 0) {
    RELATA_CHECK(save());
  }
  return {};
}

Result<TrainSummary> Loop::run_all() {
  RELATA_CHECK(prepare());
  const bool timed = config_.max_train_minutes > 0;
  Progress progress("train",
                    timed ? static_cast<int64_t>(60 * config_.max_train_minutes) : total_steps_,
                    timed ? "s" : "steps");
  progress.skip(timed ? static_cast<int64_t>(elapsed()) : state_.step);
  const double started = elapsed();
  while (!finished()) {
    RELATA_CHECK(one_step());
    progress.update(
        timed ? static_cast<int64_t>(elapsed()) : state_.step,
        fmt::format("step {}  loss {:.4f}  lr {:.2e}", state_.step,
                    loss_sum_ / static_cast<double>(std::max<int64_t>(1, loss_count_)), rate_));
    RELATA_CHECK(after_step());
  }
  progress.finish();
  RELATA_CHECK(log_interval());
  if (!state_.finished && config_.save_steps > 0) {
    state_.finished = true;
    RELATA_CHECK(save());
  }
  if (!state_.best.empty()) {
    copy_into_model(state_.best);
  } else if (!state_.average.empty()) {
    copy_into_model(state_.average);
  }
  RELATA_CHECK(check_finite("at the end", kDiverged));
  if (log_) RELATA_CHECK(log_->plot());
  summary_.steps = state_.step;
  summary_.seconds = elapsed() - started;
  summary_.best_metric = state_.best_step > 0 ? state_.best_metric : 0.0;
  summary_.best_step = state_.best_step;
  return summary_;
}

}  // namespace

Result<TrainSummary> train(model::Decoder& model, const std::vector<Row>& rows,
                           const TrainerConfig& config, const Evaluate& evaluate,
                           const std::string& metric_name) {
  return Loop(model, RowsObjective(rows, config), config, evaluate, metric_name).run();
}

Result<TrainSummary> train(model::Decoder& model, const Objective& objective,
                           const TrainerConfig& config, const Evaluate& evaluate,
                           const std::string& metric_name) {
  return Loop(model, objective, config, evaluate, metric_name).run();
}

}  // namespace relata::train
