#include "engine_options.h"

#include <fmt/format.h>

#include <array>

#include "models/hub_models.h"
#include "relata/base/progress.h"
#include "relata/model/device.h"

namespace relata::app {
namespace {

Error add_place(const Error& error, const std::vector<RequestLine>& lines, size_t begin,
                size_t end) {
  const std::string place = end - begin == 1
                                ? lines[begin].where
                                : fmt::format("{} to {}", lines[begin].where, lines[end - 1].where);
  return {error.code, fmt::format("{}: {}", place, error.message), error.hint};
}

}  // namespace

void add_packed_option(CLI::App& verb, bool& packed) {
  verb.add_flag(
      "--no-dequantize", packed,
      "Keep weights that are stored quantised as they are: GGUF's blocks are multiplied as\n"
      "integers, faster than what they stand for; NF4 takes less memory and is slower");
}

void add_any_base_option(CLI::App& verb, bool& any_base) {
  verb.add_flag("--any-base", any_base,
                "Use an adapter also where it says that it was trained on another base model");
}

void add_engine_options(CLI::App& verb, EngineOptions& options) {
  verb.add_option("-m,--model", options.model,
                  "A folder, a .gguf file, or the name of a pulled model")
      ->required()
      ->transform(named_model())
      ->type_name("DIR");
  verb.add_option("--adapter", options.adapter, "PEFT adapter folder")
      ->type_name("DIR")
      ->transform(named_model());
  add_any_base_option(verb, options.any_base);
  verb.add_option("--dtype", options.dtype, "auto (as stored), float32 or bfloat16")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16"}));
  add_packed_option(verb, options.packed);
  verb.add_option("--batch", options.batch, "Requests handed to the model at once (default: 256)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  verb.add_option("-o,--output", options.output, "Write here instead of stdout")->type_name("OUT");
  verb.add_option("INPUT", options.inputs, "JSONL files, folders, globs or - (default: stdin)");
}

Status check_device(const Context& context) {
  const auto device = model::find_device(context.device);
  return device.ok() ? Status() : Status(device.error());
}

Result<std::unique_ptr<generate::Engine>> open_engine(const engine::NativeEngineOptions& options,
                                                      const Context& context) {
  RELATA_CHECK(check_device(context));
  return engine::make_native_engine(options);
}

Result<std::unique_ptr<generate::Engine>> open_engine(const EngineOptions& options,
                                                      const Context& context) {
  engine::NativeEngineOptions native;
  native.model = options.model;
  if (!options.adapter.empty()) native.adapters.emplace_back("adapter", options.adapter);
  native.any_base = options.any_base;
  native.dtype = options.dtype;
  native.dequantize = !options.packed;
  return open_engine(native, context);
}

Result<std::vector<RequestLine>> read_requests(const std::vector<std::string>& inputs,
                                               const std::string& example) {
  RELATA_TRY(const std::vector<InputLine> lines, read_lines(inputs));
  std::vector<RequestLine> requests;
  for (const InputLine& line : lines) {
    RELATA_TRY(Json value, parse_json_line(line.text, line.where));
    if (!value.is_object()) {
      return input_error(fmt::format("{}: not a JSON object", line.where),
                         "write one request a line, like " + example);
    }
    requests.push_back({std::move(value), line.where});
  }
  return requests;
}

Result<std::vector<int32_t>> text_ids(const generate::Engine& engine, const std::string& text,
                                      bool add_special, const std::string& where) {
  if (engine.tokenizer() == nullptr) {
    return input_error(fmt::format("{}: the model folder has no tokenizer", where),
                       "give prompt_ids and continuation_ids instead of texts");
  }
  return engine.tokenizer()->encode_ids(text, add_special);
}

Status check_length(const generate::Engine& engine, size_t tokens, const std::string& where) {
  const auto most = static_cast<size_t>(engine.max_tokens());
  if (most == 0 || tokens <= most) return {};
  return input_error(fmt::format("{}: {} tokens, the model takes {}", where, tokens, most),
                     "shorten the text or split it, or ask for fewer tokens");
}

Result<std::vector<int32_t>> PromptReader::read(const RequestLine& line) {
  constexpr std::array kForms = {"prompt", "prompt_ids", "messages"};
  std::vector<std::string> given;
  for (const char* form : kForms) {
    if (line.value.contains(form)) given.emplace_back(form);
  }
  if (given.size() != 1) {
    const std::string what = given.empty() ? "neither \"prompt\" nor \"prompt_ids\""
                                           : "both \"" + given[0] + "\" and \"" + given[1] + "\"";
    return input_error(fmt::format("{}: {}", line.where, what),
                       "give exactly one of prompt, prompt_ids and messages");
  }
  std::vector<int32_t> ids;
  if (given[0] == "messages") {
    RELATA_TRY(ids, read_messages(line));
  } else if (given[0] == "prompt") {
    const Json& prompt = line.value["prompt"];
    if (!prompt.is_string()) {
      return input_error(fmt::format("{}: \"prompt\" is not a string", line.where));
    }
    RELATA_TRY(ids, text_ids(engine_, prompt.get<std::string>(), true, line.where));
  } else {
    RELATA_TRY(ids, json_ids(line.value["prompt_ids"], line.where));
  }
  if (ids.empty()) return input_error(fmt::format("{}: the prompt has no token", line.where));
  return ids;
}

Result<std::vector<int32_t>> PromptReader::read_messages(const RequestLine& line) {
  if (!chat_) {
    RELATA_TRY(chat_, text::CheckpointChat::load(model_));
  }
  text::ChatRequest request;
  request.messages = line.value["messages"];
  request.add_generation_prompt = true;
  if (!request.messages.is_array() || request.messages.empty()) {
    return input_error(line.where + ": \"messages\" is not a list of messages",
                       R"([{"role": "user", "content": "..."}])");
  }
  const auto written = chat_->render(request);
  if (!written.ok()) {
    return input_error(line.where + ": " + written.error().message, written.error().hint);
  }
  return text_ids(engine_, written->text, false, line.where);
}

Status as_input(const Status& status) {
  if (status.ok()) return {};
  return input_error(status.error().message, status.error().hint);
}

Status BatchRunner::run_batches(const std::vector<RequestLine>& lines, const RunBatch& run_batch) {
  const bool streams = options_.output.empty() || options_.output == "-";
  Progress progress(label_, static_cast<int64_t>(lines.size()), "requests");
  std::string out;
  for (size_t begin = 0; begin < lines.size(); begin += options_.batch) {
    const size_t end = std::min(lines.size(), begin + options_.batch);
    const auto answers = run_batch(
        begin, end, [&](int64_t done) { progress.update(static_cast<int64_t>(begin) + done); });
    if (!answers.ok()) return add_place(answers.error(), lines, begin, end);
    for (size_t i = begin; i < end; ++i) {
      Json line = Json::object();
      if (lines[i].value.contains("id")) line["id"] = lines[i].value["id"];
      line.update((*answers)[i - begin]);
      out += json_line(line) + "\n";
    }
    if (streams) {
      RELATA_CHECK(write_result("", out));
      out.clear();
    }
  }
  progress.finish();
  return streams ? Status() : write_result(options_.output, out);
}

}  // namespace relata::app
