// `relata tokenizer chat`: what a chat template writes.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "models/hub_models.h"
#include "relata/base/file.h"
#include "relata/text/chat.h"

namespace relata::app {
namespace {

struct ChatOptions {
  std::string folder;
  std::vector<std::string> inputs;
  std::string output;
  std::string template_file;  // "": the checkpoint's own
  std::string wrapper;        // a named wrapper instead of Jinja
  bool generation_prompt = false;
  bool keep_going = false;
};

Status read_request(const Json& line, const std::string& where, text::ChatRequest& request) {
  if (line.is_array()) {
    request.messages = line;
    return {};
  }
  if (!line.is_object()) {
    return input_error(where + ": a list of messages or an object with \"messages\" is wanted");
  }
  for (const auto& [key, value] : line.items()) {
    if (key == "messages") {
      request.messages = value;
    } else if (key == "tools") {
      request.tools = value;
    } else if (key == "documents") {
      request.documents = value;
    } else if (key == "add_generation_prompt" && value.is_boolean()) {
      request.add_generation_prompt = value.get<bool>();
    } else if (key == "template_name" && value.is_string()) {
      request.template_name = value.get<std::string>();
    } else if (key != "chat_template") {
      request.variables[key] = value;
    }
  }
  return {};
}

// Renders line after line; a line may bring a template of its own in "chat_template".
class ChatRenderer {
 public:
  explicit ChatRenderer(const ChatOptions& options) : options_(options) {}

  Result<Json> answer(const InputLine& line) {
    RELATA_TRY(const Json value, parse_json_line(line.text, line.where));
    text::ChatRequest request;
    request.add_generation_prompt = options_.generation_prompt;
    RELATA_CHECK(read_request(value, line.where, request));
    auto rendered = render(value, request);
    if (!rendered.ok()) {
      Error error = rendered.error();
      error.message = line.where + ": " + error.message;
      return error;
    }
    const text::OffsetMap offsets(rendered->text);
    Json spans = Json::array();
    for (const text::ByteRange& span : rendered->generated) {
      spans.push_back({offsets.to_code_point(span.begin), offsets.to_code_point(span.end)});
    }
    return Json{{"text", std::move(rendered->text)}, {"generated", std::move(spans)}};
  }

 private:
  Result<text::JinjaOutput> render(const Json& line, const text::ChatRequest& request) {
    RELATA_TRY(const text::CheckpointChat* const chat, chat_for(line));
    return chat->render(request);
  }

  Result<const text::CheckpointChat*> chat_for(const Json& line) {
    std::optional<std::string> own;
    if (line.is_object() && line.contains("chat_template")) {
      if (!line["chat_template"].is_string()) return input_error("chat_template must be a text");
      own = line["chat_template"].get<std::string>();
    }
    const auto found = chats_.find(own);
    if (found != chats_.end()) return &found->second;
    auto chat = own ? with_source(*own, "chat_template") : checkpoint();
    if (!chat.ok()) return chat.error();
    return &chats_.emplace(own, std::move(chat).value()).first->second;
  }

  Result<text::CheckpointChat> checkpoint() const {
    if (options_.template_file.empty()) return text::CheckpointChat::load(options_.folder);
    RELATA_TRY(const std::string source, read_file(options_.template_file));
    return with_source(source, display_name(options_.template_file));
  }

  Result<text::CheckpointChat> with_source(const std::string& source,
                                           const std::string& where) const {
    RELATA_TRY(auto chat, text::CheckpointChat::load_tokens(options_.folder));
    RELATA_CHECK(chat.add("default", source, where));
    return chat;
  }

  const ChatOptions& options_;
  std::map<std::optional<std::string>, text::CheckpointChat> chats_;  // by the line's own source
};

Result<int> run_wrapper(const ChatOptions& options) {
  RELATA_TRY(const text::ChatTemplate chat, text::chat_template(options.wrapper, options.folder));
  RELATA_TRY(const std::vector<InputLine> lines, read_lines(options.inputs));
  std::string out;
  for (const InputLine& line : lines) {
    RELATA_TRY(const Json value, parse_json_line(line.text, line.where));
    if (!value.is_string()) {
      return input_error(line.where + ": with --wrapper, one JSON string a line is wanted");
    }
    const Json stops = chat.stops;
    out += json_line({{"text", text::wrap_chat(chat, value.get_ref<const std::string&>())},
                      {"stops", stops},
                      {"add_special", chat.add_special}});
    out += "\n";
  }
  RELATA_CHECK(write_result(options.output, out));
  return kDone;
}

Result<int> run_chat(const ChatOptions& options) {
  RELATA_CHECK(check_places({{"the result", options.output}}, options.inputs));
  if (!options.wrapper.empty()) return run_wrapper(options);
  RELATA_TRY(const std::vector<InputLine> lines, read_lines(options.inputs));
  ChatRenderer renderer(options);
  std::string out;
  int code = kDone;
  for (const InputLine& line : lines) {
    auto answer = renderer.answer(line);
    if (!answer.ok() && !options.keep_going) return answer.error();
    if (!answer.ok()) {
      code = kSomeFailed;
      answer = Json{{"error", answer.error().message}};
    }
    out += json_line(*answer);
    out += "\n";
  }
  RELATA_CHECK(write_result(options.output, out));
  return code;
}

}  // namespace

void add_tokenizer_chat_command(CLI::App& tokenizer, Context& context) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* verb = add_verb(
      tokenizer, "chat", "Chats to the text that a model reads",
      "Reads one chat a line: a JSON list of messages, or an object with \"messages\" and, if\n"
      "wanted, \"tools\", \"documents\", \"add_generation_prompt\", \"template_name\", "
      "\"chat_template\"\n"
      "(a template of its own) and more variables. Writes {\"text\": ..., \"generated\": [...]} a\n"
      "line: the text that Transformers' apply_chat_template writes, and which parts of it (code\n"
      "points) the template marks as the model's own.",
      {"echo '[{\"role\": \"user\", \"content\": \"Hi\"}]' | relata tokenizer chat model/ "
       "--generation-prompt",
       "relata tokenizer chat model/ --template mine.jinja chats.jsonl -o texts.jsonl",
       "echo '\"Hi\"' | relata tokenizer chat model/ --wrapper auto"});
  verb->add_option("folder", options->folder, "Model or tokenizer folder")
      ->required()
      ->transform(named_model())
      ->type_name("DIR");
  verb->add_option("inputs", options->inputs, "JSONL files (default: standard input)")
      ->type_name("INPUT");
  verb->add_option("-o,--output", options->output, "Output file (default: standard output)")
      ->type_name("F");
  auto* file = verb->add_option("--template", options->template_file,
                                "A Jinja file instead of the checkpoint's template");
  file->type_name("F");
  verb->add_option("--wrapper", options->wrapper,
                   "Wrap one JSON string a line as training and extraction do: auto, llama2, ...")
      ->type_name("NAME")
      ->excludes(file);
  verb->add_flag("--generation-prompt", options->generation_prompt,
                 "End each chat with the beginning of an answer");
  verb->add_flag("--keep-going", options->keep_going,
                 "Write {\"error\": ...} for a chat that fails, and exit with 4");
  verb->callback(
      [options, &context] { context.action = [options] { return run_chat(*options); }; });
}

}  // namespace relata::app
