#include "relata/train/trainer.h"

namespace relata::train {
namespace {

// Wide enough for every use that makes sense; a number beyond is a slip of the pen, and would
// overflow float32 or the count of steps.
constexpr double kMostRows = 1 << 20;
constexpr double kMostSteps = 0x1p53;
constexpr double kMostMinutes = 1e7;
constexpr double kMostFactor = 1000;

// Every key once, for reading and for writing.
template <class Each>
void each_key(TrainerConfig& c, Each& each) {
  using Range = NumberRange;
  const Range share = Range::between(0, 1);
  const Range part = Range::below(0, 1);
  const Range steps = Range::between(0, kMostSteps);
  const Range minutes = Range::between(0, kMostMinutes);
  const Range factor = Range::between(0, kMostFactor);
  each.value("output_dir", c.output_dir);
  each.number("learning_rate", c.learning_rate, factor);
  each.choice("lr_scheduler_type", c.lr_scheduler_type,
              {"cosine", "linear", "constant", "constant_with_warmup"});
  each.number("warmup_ratio", c.warmup_ratio, share);
  each.number("warmup_steps", c.warmup_steps, steps);
  each.number("num_train_epochs", c.num_train_epochs, Range::above(0, 1e9));
  each.number("max_steps", c.max_steps, Range::between(-1, kMostSteps));
  each.number("max_train_minutes", c.max_train_minutes, minutes);
  each.number("per_device_train_batch_size", c.per_device_train_batch_size,
              Range::between(1, kMostRows));
  each.number("gradient_accumulation_steps", c.gradient_accumulation_steps,
              Range::between(1, kMostRows));
  each.number("weight_decay", c.weight_decay, factor);
  each.number("adam_beta1", c.adam_beta1, part);
  each.number("adam_beta2", c.adam_beta2, part);
  each.number("adam_epsilon", c.adam_epsilon, Range::between(1e-30, 1));
  each.number("max_grad_norm", c.max_grad_norm, Range::between(0, 1e30));
  each.number("dropout", c.dropout, part);
  each.number("token_dropout", c.token_dropout, share);
  each.number("token_dropout_id", c.token_dropout_id, Range::between(0, INT32_MAX));
  each.number("prompt_loss_weight", c.prompt_loss_weight, factor);
  each.number("prompt_loss_share", c.prompt_loss_share, share);
  each.number("ema_decay", c.ema_decay, part);
  each.value("gradient_checkpointing", c.gradient_checkpointing);
  each.value("shuffle", c.shuffle);
  each.number("seed", c.seed, Range::between(0, UINT32_MAX));
  each.number("logging_steps", c.logging_steps, steps);
  each.number("eval_steps", c.eval_steps, steps);
  each.number("eval_minutes", c.eval_minutes, minutes);
  each.number("save_steps", c.save_steps, steps);
  each.number("save_total_limit", c.save_total_limit, Range::between(1, kMostSteps));
  each.number("early_stopping_patience", c.early_stopping_patience, steps);
  each.value("resume_from_checkpoint", c.resume_from_checkpoint);
  each.value("overwrite_output_dir", c.overwrite_output_dir);
}

struct Reader {
  Fields& fields;
  template <class Value>
  void value(const char* key, Value& out) {
    fields.get(key, out);
  }
  template <class Number>
  void number(const char* key, Number& out, const NumberRange& range) {
    fields.get(key, out, range);
  }
  void choice(const char* key, std::string& out, const std::vector<std::string>& allowed) {
    fields.get_choice(key, out, allowed);
  }
};

struct Writer {
  Json json = Json::object();
  template <class Value>
  void value(const char* key, const Value& value) {
    json[key] = value;
  }
  template <class Number>
  void number(const char* key, const Number& number, const NumberRange&) {
    json[key] = number;
  }
  void choice(const char* key, const std::string& value, const std::vector<std::string>&) {
    json[key] = value;
  }
};

}  // namespace

void read_trainer_config(Fields& fields, TrainerConfig& config) {
  Reader reader{fields};
  each_key(config, reader);
}

Json trainer_config_to_json(const TrainerConfig& config) {
  Writer writer;
  TrainerConfig copy = config;
  each_key(copy, writer);
  return std::move(writer.json);
}

Status check_trainer_config(const TrainerConfig& config) {
  const Json json = trainer_config_to_json(config);
  Fields fields(json, "training");
  TrainerConfig again;
  read_trainer_config(fields, again);
  return fields.finish();
}

}  // namespace relata::train
