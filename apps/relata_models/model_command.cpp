// `relata model show` (what a model holds, and what memory it needs), `export` and `merge` (written
// for other programs) and `logits` (raw logits, for checks against other implementations).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "commands.h"
#include "engine_options.h"
#include "help.h"
#include "io/command_io.h"
#include "models/hub_models.h"
#include "relata/base/file.h"
#include "relata/model/damage.h"
#include "relata/model/decoder.h"
#include "relata/model/export.h"
#include "relata/model/memory.h"
#include "relata/model/prefix_tree.h"
#include "relata/model/stored_types.h"

namespace relata::app {
namespace {

struct ModelOptions {
  std::string folder;
  std::string adapter;
  bool any_base = false;
  std::string dtype = "auto";
  std::string out, to;   // export and merge, quantize
  bool packed = false;   // quantised weights stay so
  bool twice = true;     // quantize: absolute maxima too
  std::string quantize;  // show: as training would
  int64_t lora_rank = 0, tokens = 1024;
  bool checkpointing = false;
  std::vector<std::string> lora_target;
};

std::string megabytes(double bytes) { return fmt::format("{:.0f} MB", bytes / 1e6); }

// A LoRA step as `relata train` with these options makes it.
Result<model::LoraMemory> lora_memory(const ModelOptions& options, const model::LoraConfig& lora) {
  model::LoraStep step;
  step.load.dtype = nn::has_fast_bfloat16() ? "bfloat16" : "float32";
  step.load.dequantize = false;
  step.load.quantize = options.quantize;
  step.lora = lora;
  step.tokens = options.tokens;
  step.gradient_checkpointing = options.checkpointing;
  return model::forecast_lora(options.folder, step);
}

Json to_json(const model::LoraMemory& memory) {
  return {
      {"program", memory.program}, {"weights", memory.weights},         {"file", memory.file},
      {"adapter", memory.adapter}, {"activations", memory.activations}, {"scratch", memory.scratch},
      {"total", memory.total()}};
}

std::string layers_text(const model::DecoderConfig& config) {
  if (config.encoder_layers == 0) return fmt::format("{} layers", config.num_layers);
  return fmt::format("{} encoder and {} decoder layers", config.encoder_layers, config.num_layers);
}

std::string positions_text(const model::DecoderConfig& config) {
  const int64_t most = model::most_positions(config);
  if (most == model::kAnyPositions) return "any number of";
  return std::to_string(most);
}

// What config.json says where there are no weights, which a folder may lack.
model::StoredTypes types_of(const std::string& model, const model::DecoderConfig& config) {
  if (auto found = model::stored_types(model); found.ok()) return std::move(found).value();
  return {config.dtype, {}, ""};
}

Json to_json(const std::vector<model::TypeShare>& shares) {
  Json out = Json::object();
  for (const model::TypeShare& share : shares) {
    out[share.type] = {{"tensors", share.tensors}, {"weights", share.weights}};
  }
  return out;
}

// "Q4_K_M (Q4_K in 144 tensors, Q6_K in 25, F32 in 121), computed in bfloat16"
std::string types_text(const model::StoredTypes& types) {
  std::string list;
  for (const model::TypeShare& share : types.shares) {
    list += fmt::format("{}{} in {}{}", list.empty() ? " (" : ", ", share.type, share.tensors,
                        list.empty() ? " tensors" : "");
  }
  if (list.empty()) return types.name;
  return types.name + list + "), computed in " + types.computed;
}

Result<int> show_model(const ModelOptions& options, const Context& context) {
  RELATA_TRY(const auto config, model::read_decoder_config(options.folder));
  const model::StoredTypes types = types_of(options.folder, config);
  const int64_t positions = model::most_positions(config);
  const auto weights = static_cast<double>(model::parameter_count(config));
  const double cache =
      2.0 * static_cast<double>(config.num_layers * config.num_kv_heads * config.head_dim);
  Json out = {{"parameters", model::parameter_count(config)},
              {"layers", config.num_layers},
              {"encoder_layers", config.encoder_layers},
              {"hidden_size", config.hidden_size},
              {"heads", config.num_heads},
              {"key_value_heads", config.num_kv_heads},
              {"vocabulary", config.vocab_size},
              {"positions", positions == model::kAnyPositions ? Json(nullptr) : Json(positions)},
              {"dtype", types.name},
              {"tensor_types", to_json(types.shares)},
              {"computed_dtype", types.computed.empty() ? Json(nullptr) : Json(types.computed)},
              {"inference_bytes_float32", 4 * weights},
              {"inference_bytes_bfloat16", 2 * weights},
              {"cache_bytes_per_token_bfloat16", 2 * cache},
              // weights, gradients and two moments in float32, and a bfloat16 copy to compute with
              {"full_training_bytes", 18 * weights}};
  // config.json alone tells the number of weights, not how they are stored: no forecast then.
  model::LoadOptions packed;
  packed.dequantize = false;
  const auto answering = model::forecast_answering(options.folder, {}, options.tokens);
  const auto answering_packed = model::forecast_answering(options.folder, packed, options.tokens);
  if (answering.ok() && answering_packed.ok()) {
    out["answering_bytes"] = *answering;
    out["answering_packed_bytes"] = *answering_packed;
  }
  int64_t trained = 0;
  std::optional<model::LoraMemory> memory;
  if (options.lora_rank > 0) {
    model::LoraConfig lora;
    lora.rank = options.lora_rank;
    lora.targets =
        options.lora_target.empty() ? model::usual_lora_targets(config) : options.lora_target;
    if (lora.targets == std::vector<std::string>{"all"}) lora.targets = {"all-linear"};
    RELATA_TRY(trained, model::lora_parameter_count(config, lora));
    out["lora_parameters"] = trained;
    if (const auto forecast = lora_memory(options, lora); forecast.ok()) {
      memory = *forecast;
      out["lora_training_bytes"] = to_json(*memory);
    }
  }
  if (context.json) {
    fmt::print("{}\n", out.dump());
    return kDone;
  }
  fmt::print(
      "{:.2f} million weights, {} of {}, {} heads ({} key/value), vocabulary {}, {} positions\n"
      "stored as {}\n",
      weights / 1e6, layers_text(config), config.hidden_size, config.num_heads, config.num_kv_heads,
      config.vocab_size, positions_text(config), types_text(types));
  fmt::print("inference: {} in float32, {} in bfloat16, and {:.1f} kB of cache per token\n",
             megabytes(4 * weights), megabytes(2 * weights), 2 * cache / 1e3);
  if (out.contains("answering_bytes")) {
    fmt::print("answering {} tokens: {}{}\n", options.tokens,
               megabytes(static_cast<double>(*answering)),
               *answering == *answering_packed
                   ? ""
                   : ", with --no-dequantize " + megabytes(static_cast<double>(*answering_packed)));
  }
  fmt::print("training: {} for all weights, without activations; LoRA: {} and the adapter\n",
             megabytes(18 * weights), megabytes(2 * weights));
  if (options.lora_rank > 0) {
    fmt::print("LoRA of rank {}: {} trainable weights, {:.4f} % of the model's\n",
               options.lora_rank, trained, 100.0 * static_cast<double>(trained) / weights);
  }
  if (memory) {
    fmt::print(
        "training it with {} tokens at once: {} (weights {}, their file while it is read {}, or "
        "adapter {}, activations {}, scratch {}; program {})\n",
        options.tokens, megabytes(static_cast<double>(memory->total())),
        megabytes(static_cast<double>(memory->weights)),
        megabytes(static_cast<double>(memory->file)),
        megabytes(static_cast<double>(memory->adapter)),
        megabytes(static_cast<double>(memory->activations)),
        megabytes(static_cast<double>(memory->scratch)),
        megabytes(static_cast<double>(memory->program)));
  }
  return kDone;
}

Result<int> export_model(const ModelOptions& options, const Context& context) {
  const model::ExportOptions how{options.dtype, options.adapter, options.any_base};
  if (options.to == "hf") {
    RELATA_CHECK(model::export_hf(options.folder, options.out, how));
  } else if (options.to == "gguf") {
    RELATA_CHECK(model::export_gguf(options.folder, options.out, how));
  } else if (options.adapter.empty()) {
    return usage_error("--to gguf-lora writes an adapter", "name it with --adapter DIR");
  } else if (options.dtype != "auto") {
    return usage_error("--to gguf-lora writes float32", "leave --dtype away");
  } else {
    RELATA_CHECK(
        model::export_gguf_lora(options.folder, options.adapter, options.out, options.any_base));
  }
  if (context.json) {
    fmt::print("{}\n", Json{{"to", options.to}, {"output", options.out}}.dump());
  } else {
    fmt::print("wrote {}\n", options.out);
  }
  return kDone;
}

Result<int> quantize_model(const ModelOptions& options, const Context& context) {
  RELATA_CHECK(model::export_nf4(options.folder, options.out, options.twice));
  if (context.json) {
    fmt::print("{}\n", Json{{"to", options.to}, {"output", options.out}}.dump());
  } else {
    fmt::print("wrote {}\n", options.out);
  }
  return kDone;
}

at::Tensor logits_of(const model::Decoder& model, const std::vector<int32_t>& source,
                     const std::vector<int32_t>& ids) {
  model::Sequence sequence{source};
  sequence.ids.insert(sequence.ids.end(), ids.begin(), ids.end());
  sequence.source = source.size();
  if (!model.adapters().empty()) {
    sequence.adapter = 0;
    sequence.adapter_begin = model::adapter_begin(model.adapters().front().config, ids);
  }
  const auto packed = model::pack_sequences({sequence}, 1);
  return model.logits(model.forward(packed.pass)).cpu().contiguous();
}

// The ids under `key`, within the model's vocabulary and positions.
Result<std::vector<int32_t>> logit_ids(const Json& json, const std::string& key,
                                       const std::string& where,
                                       const model::DecoderConfig& config) {
  if (!json.is_object() || !json.contains(key)) {
    return input_error(fmt::format("{}: no \"{}\"", where, key),
                       config.encoder_layers > 0
                           ? "write lines like {\"source_ids\": [5, 9, 1], \"ids\": [0, 7]}"
                           : "write lines like {\"ids\": [1, 5, 9]}");
  }
  RELATA_TRY(auto ids, json_ids(json[key], where));
  if (ids.empty()) return input_error(fmt::format("{}: \"{}\" is empty", where, key));
  const int64_t most = model::most_positions(config);
  if (static_cast<int64_t>(ids.size()) > most) {
    return input_error(fmt::format("{}: {} tokens, the model takes {}", where, ids.size(), most));
  }
  for (const int32_t id : ids) {
    if (id >= config.vocab_size) {
      return input_error(fmt::format("{}: token id {} is outside the vocabulary ({})", where, id,
                                     config.vocab_size));
    }
  }
  return ids;
}

Result<int> print_logits(const ModelOptions& options, const Context&) {
  model::LoadOptions how;
  how.dtype = options.dtype;
  how.dequantize = !options.packed;
  RELATA_TRY(auto model, model::Decoder::load(options.folder, how));
  RELATA_CHECK(model::check_causal(model->config(), options.folder));
  if (!options.adapter.empty()) {
    RELATA_CHECK(model->load_adapter("adapter", options.adapter, options.any_base));
  }
  RELATA_TRY(const auto lines, read_lines({}));
  at::NoGradGuard no_grad;
  for (const InputLine& line : lines) {
    RELATA_TRY(const Json json, parse_json(line.text, line.where));
    RELATA_TRY(const auto ids, logit_ids(json, "ids", line.where, model->config()));
    std::vector<int32_t> source;
    if (model->config().encoder_layers == 0 && json.contains("source_ids")) {
      return input_error(line.where + ": \"source_ids\" are for encoder-decoders",
                         "this model takes all tokens in \"ids\"");
    }
    if (model->config().encoder_layers > 0) {
      RELATA_TRY(source, logit_ids(json, "source_ids", line.where, model->config()));
    }
    const at::Tensor logits = logits_of(*model, source, ids);
    RELATA_CHECK(model::check_output(*model, logits));
    Json rows = Json::array();
    for (int64_t i = 0; i < logits.size(0); ++i) {
      const auto* row = logits.data_ptr<float>() + i * logits.size(1);
      rows.push_back(std::vector<float>(row, row + logits.size(1)));
    }
    RELATA_CHECK(write_result("", Json{{"logits", rows}}.dump() + "\n"));
  }
  return kDone;
}

constexpr const char* kModelHelp = "Hugging Face folder, .gguf file, or the name of a pulled model";

using SharedOptions = std::shared_ptr<ModelOptions>;

void add_places(CLI::App& verb, const SharedOptions& options) {
  verb.add_option("MODEL", options->folder, kModelHelp)->required()->transform(named_model());
  verb.add_option("OUT", options->out, "Folder or .gguf file to write")->required();
  verb.add_option("--dtype", options->dtype,
                  "Of the weights: f32, bf16, f16, in GGUF also q8_0; auto is as stored");
}

void add_export(CLI::App& model, const SharedOptions& options, Context& context) {
  CLI::App* verb = add_verb(
      model, "export", "Write a model, or an adapter, for another program",
      "Writes a model as a Hugging Face folder (hf), which Transformers and vLLM load, or as a "
      "GGUF "
      "file (gguf), which llama.cpp and Ollama load; or an adapter as a GGUF file (gguf-lora) for "
      "llama.cpp's --lora.",
      {"relata model export model.gguf out/model --to hf",
       "relata model export out/run/model out/model.gguf --to gguf --dtype q8_0",
       "relata model export MODEL out/lora.gguf --to gguf-lora --adapter out/run/adapter"});
  add_places(*verb, options);
  verb->add_option("--to", options->to, "hf, gguf or gguf-lora")
      ->required()
      ->check(CLI::IsMember({"hf", "gguf", "gguf-lora"}));
  verb->add_option("--adapter", options->adapter,
                   "PEFT folder: merged into the weights, or what gguf-lora writes")
      ->transform(named_model());
  add_any_base_option(*verb, options->any_base);
  verb->callback([options, &context] {
    context.action = [options, &context] { return export_model(*options, context); };
  });
}

void add_merge(CLI::App& model, const SharedOptions& options, Context& context) {
  CLI::App* verb = add_verb(model, "merge", "Add an adapter to its model's weights",
                            "Writes a model with the adapter's product added to its weights: a "
                            "GGUF file when OUT ends in "
                            ".gguf, else a Hugging Face folder.",
                            {"relata model merge MODEL out/merged --adapter out/run/adapter"});
  add_places(*verb, options);
  verb->add_option("--adapter", options->adapter, "PEFT folder")
      ->required()
      ->transform(named_model());
  add_any_base_option(*verb, options->any_base);
  verb->callback([options, &context] {
    options->to = options->out.ends_with(".gguf") ? "gguf" : "hf";
    context.action = [options, &context] { return export_model(*options, context); };
  });
}

void add_quantize(CLI::App& model, const SharedOptions& options, Context& context) {
  CLI::App* verb = add_verb(
      model, "quantize", "Write a model with its weights in four bits",
      "Writes a Hugging Face folder whose projections are in NF4 (QLoRA): a quarter of bfloat16's "
      "size. Transformers with bitsandbytes loads it, and relata trains adapters on it and answers "
      "from it. Training quantises by itself where quantization_bit: 4 is set.",
      {"relata model quantize MODEL out/model-nf4 --to nf4"});
  verb->add_option("MODEL", options->folder, kModelHelp)->required()->transform(named_model());
  verb->add_option("OUT", options->out, "Folder to write")->required();
  verb->add_option("--to", options->to, "nf4")->required()->check(CLI::IsMember({"nf4"}));
  verb->add_flag(
      "!--no-double-quantization", options->twice,
      "Keep the scale of each block of 64 in float32: 4.5 bits a weight instead of 4.13");
  verb->callback([options, &context] {
    context.action = [options, &context] { return quantize_model(*options, context); };
  });
}

}  // namespace

void add_model_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ModelOptions>();
  CLI::App* verb =
      add_verb(app, "model", "Look into a model; export, merge, quantize",
               "Works on GGUF files and on model folders: what they hold and need, and the same "
               "weights in\n"
               "another form. docs/models.md lists the architectures.",
               {"relata model show MODEL", "relata model quantize -h"});
  verb->require_subcommand(1);
  CLI::App* show = verb->add_subcommand("show", "Sizes, and the memory it needs");
  show->add_option("MODEL", options->folder, kModelHelp)->required()->transform(named_model());
  show->add_option("--lora-rank", options->lora_rank,
                   "Also count what an adapter of this rank trains")
      ->check(CLI::Range(1, 1 << 16));
  show->add_option("--lora-target", options->lora_target,
                   "Modules it adapts (q_proj,v_proj; of T5 q,v), or all")
      ->delimiter(',');
  show->add_option("--tokens", options->tokens,
                   "Tokens that training computes at once, or that are answered together")
      ->check(CLI::Range(1, 1 << 24));
  show->add_flag("--gradient-checkpointing", options->checkpointing,
                 "Training keeps the layers' inputs only");
  show->add_option("--quantize", options->quantize,
                   "nf4: training quantises the weights (quantization_bit: 4)")
      ->check(CLI::IsMember({"nf4"}));
  show->footer(
      "Examples:\n  relata model show out/fewrel/model\n"
      "  relata model show MODEL --lora-rank 8 --lora-target q_proj,k_proj,v_proj\n"
      "  relata model show MODEL --lora-rank 100 --quantize nf4 --tokens 4096 "
      "--gradient-checkpointing");
  show->callback([options, &context] {
    context.action = [options, &context] { return show_model(*options, context); };
  });
  add_export(*verb, options, context);
  add_merge(*verb, options, context);
  add_quantize(*verb, options, context);
  CLI::App* logits =
      verb->add_subcommand("logits", "Logits of {\"ids\": [...]} lines on standard input");
  logits->add_option("MODEL", options->folder, kModelHelp)->required()->transform(named_model());
  logits->add_option("--adapter", options->adapter, "PEFT folder")->transform(named_model());
  add_any_base_option(*logits, options->any_base);
  logits->add_option("--dtype", options->dtype, "auto, float32 or bfloat16");
  add_packed_option(*logits, options->packed);
  logits->footer(
      "Example:\n  echo '{\"ids\": [1, 5, 9]}' | relata model logits MODEL\n"
      "An encoder-decoder takes {\"source_ids\": [...], \"ids\": [...]}, the latter from the "
      "token\n"
      "that targets begin with.");
  logits->callback([options, &context] {
    context.action = [options, &context] { return print_logits(*options, context); };
  });
}

}  // namespace relata::app
