// `relata model show` (what a model folder holds, and what memory it needs) and `relata model
// logits` (raw logits, for checks against other implementations).
#include <fmt/format.h>
#include <torch/torch.h>

#include "command_io.h"
#include "commands.h"
#include "help.h"
#include "relata/base/file.h"
#include "relata/model/decoder.h"

namespace relata::app {
namespace {

struct ModelOptions {
  std::string folder;
  std::string adapter;
  std::string dtype = "auto";
};

std::string megabytes(double bytes) { return fmt::format("{:.0f} MB", bytes / 1e6); }

Result<int> show_model(const ModelOptions& options, const Context& context) {
  RELATA_TRY(const auto config, model::read_decoder_config(options.folder));
  const auto weights = static_cast<double>(model::parameter_count(config));
  const double cache =
      2.0 * static_cast<double>(config.num_layers * config.num_kv_heads * config.head_dim);
  Json out = {{"parameters", model::parameter_count(config)},
              {"layers", config.num_layers},
              {"hidden_size", config.hidden_size},
              {"heads", config.num_heads},
              {"key_value_heads", config.num_kv_heads},
              {"vocabulary", config.vocab_size},
              {"positions", config.max_positions},
              {"dtype", config.dtype},
              {"inference_bytes_float32", 4 * weights},
              {"inference_bytes_bfloat16", 2 * weights},
              {"cache_bytes_per_token_bfloat16", 2 * cache},
              // weights, gradients and two moments in float32, and a bfloat16 copy to compute with
              {"full_training_bytes", 18 * weights}};
  if (context.json) {
    fmt::print("{}\n", out.dump());
    return kDone;
  }
  fmt::print(
      "{:.2f} million weights, {} layers of {}, {} heads ({} key/value), vocabulary {}, {} "
      "positions, stored as {}\n",
      weights / 1e6, config.num_layers, config.hidden_size, config.num_heads, config.num_kv_heads,
      config.vocab_size, config.max_positions, config.dtype);
  fmt::print("inference: {} in float32, {} in bfloat16, and {:.1f} kB of cache per token\n",
             megabytes(4 * weights), megabytes(2 * weights), 2 * cache / 1e3);
  fmt::print("training: {} for all weights, without activations; LoRA: {} and the adapter\n",
             megabytes(18 * weights), megabytes(2 * weights));
  return kDone;
}

// {"ids": [...]}, within the model's vocabulary and positions.
Result<std::vector<int32_t>> logit_ids(const InputLine& line, const model::DecoderConfig& config) {
  RELATA_TRY(const Json json, parse_json(line.text, line.where));
  if (!json.is_object() || !json.contains("ids")) {
    return input_error(line.where + ": no \"ids\"", "write lines like {\"ids\": [1, 5, 9]}");
  }
  RELATA_TRY(auto ids, json_ids(json["ids"], line.where));
  if (ids.empty()) return input_error(line.where + ": \"ids\" is empty");
  if (static_cast<int64_t>(ids.size()) > config.max_positions) {
    return input_error(fmt::format("{}: {} tokens, the model takes {}", line.where, ids.size(),
                                   config.max_positions));
  }
  for (const int32_t id : ids) {
    if (id >= config.vocab_size) {
      return input_error(fmt::format("{}: token id {} is outside the vocabulary ({})", line.where,
                                     id, config.vocab_size));
    }
  }
  return ids;
}

Result<int> print_logits(const ModelOptions& options, const Context&) {
  RELATA_TRY(auto model, model::Decoder::load(options.folder, options.dtype));
  if (!options.adapter.empty()) RELATA_CHECK(model->load_adapter("adapter", options.adapter));
  RELATA_TRY(const auto lines, read_lines({}));
  at::NoGradGuard no_grad;
  for (const InputLine& line : lines) {
    RELATA_TRY(const auto ids, logit_ids(line, model->config()));
    const at::Tensor logits = model->logits(model->forward(model::Pass::of({ids}))).contiguous();
    Json rows = Json::array();
    for (int64_t i = 0; i < logits.size(0); ++i) {
      const auto* row = logits.data_ptr<float>() + i * logits.size(1);
      rows.push_back(std::vector<float>(row, row + logits.size(1)));
    }
    RELATA_CHECK(write_result("", Json{{"logits", rows}}.dump() + "\n"));
  }
  return kDone;
}

}  // namespace

void add_model_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ModelOptions>();
  CLI::App* verb = app.add_subcommand("model", "Look into a model folder");
  verb->require_subcommand(1);
  CLI::App* show = verb->add_subcommand("show", "Sizes, and the memory it needs");
  show->add_option("MODEL", options->folder, "Hugging Face folder")->required();
  show->footer("Example:\n  relata model show out/fewrel/model");
  show->callback([options, &context] {
    context.action = [options, &context] { return show_model(*options, context); };
  });
  CLI::App* logits =
      verb->add_subcommand("logits", "Logits of {\"ids\": [...]} lines on standard input");
  logits->add_option("MODEL", options->folder, "Hugging Face folder")->required();
  logits->add_option("--adapter", options->adapter, "PEFT folder");
  logits->add_option("--dtype", options->dtype, "auto, float32 or bfloat16");
  logits->footer("Example:\n  echo '{\"ids\": [1, 5, 9]}' | relata model logits MODEL");
  logits->callback([options, &context] {
    context.action = [options, &context] { return print_logits(*options, context); };
  });
}

}  // namespace relata::app
