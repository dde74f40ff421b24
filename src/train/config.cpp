#include "relata/train/trainer.h"

namespace relata::train {

void read_trainer_config(Fields& fields, TrainerConfig& c) {
  fields.get("output_dir", c.output_dir);
  fields.get("learning_rate", c.learning_rate);
  fields.get_choice("lr_scheduler_type", c.lr_scheduler_type, {"cosine", "linear", "constant"});
  fields.get("warmup_ratio", c.warmup_ratio);
  fields.get("warmup_steps", c.warmup_steps);
  fields.get("num_train_epochs", c.num_train_epochs);
  fields.get("max_steps", c.max_steps);
  fields.get("max_train_minutes", c.max_train_minutes);
  fields.get("per_device_train_batch_size", c.per_device_train_batch_size);
  fields.get("gradient_accumulation_steps", c.gradient_accumulation_steps);
  fields.get("weight_decay", c.weight_decay);
  fields.get("adam_beta1", c.adam_beta1);
  fields.get("adam_beta2", c.adam_beta2);
  fields.get("adam_epsilon", c.adam_epsilon);
  fields.get("max_grad_norm", c.max_grad_norm);
  fields.get("dropout", c.dropout);
  fields.get("token_dropout", c.token_dropout);
  fields.get("token_dropout_id", c.token_dropout_id);
  fields.get("prompt_loss_weight", c.prompt_loss_weight);
  fields.get("prompt_loss_share", c.prompt_loss_share);
  fields.get("ema_decay", c.ema_decay);
  fields.get("gradient_checkpointing", c.gradient_checkpointing);
  fields.get("shuffle", c.shuffle);
  fields.get("seed", c.seed);
  fields.get("logging_steps", c.logging_steps);
  fields.get("eval_steps", c.eval_steps);
  fields.get("eval_minutes", c.eval_minutes);
  fields.get("save_steps", c.save_steps);
  fields.get("save_total_limit", c.save_total_limit);
  fields.get("early_stopping_patience", c.early_stopping_patience);
  fields.get("resume_from_checkpoint", c.resume_from_checkpoint);
}

}  // namespace relata::train
