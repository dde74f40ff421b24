// Chat wrappers: what stands around a user's turn, by name or as a checkpoint's own template says.
//
// By name, under LLaMA-Factory's template names: default, llama2, llama3, mistral, vicuna, qwen,
// chatglm2, chatglm3, baichuan2; "none", which adds nothing; and "auto", the checkpoint's own
// Jinja template. docs/chat-templates.md shows what each writes.
#pragma once

#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/text/jinja.h"

namespace relata::text {

struct ChatTemplate {
  std::string name;
  std::string before;  // text before the user's turn (a system line, when the template has one)
  std::string after;   // text between the user's turn and the answer
  std::vector<std::string> stops;  // strings that end an answer, besides EOS
  bool add_special = true;  // the tokenizer adds BOS; false where the template has written it
  bool trim = false;        // the template drops whitespace around the user's text
};

// "auto" needs a checkpoint: use the other overload. Unknown names suggest the nearest.
Result<ChatTemplate> chat_template(const std::string& name);
// The same, and "auto" reads `model_folder`. Cost of "auto": reads tokenizer_config.json and
// renders a few short chats.
Result<ChatTemplate> chat_template(const std::string& name, const std::string& model_folder);
std::vector<std::string> chat_template_names();  // "auto" comes last
std::string wrap_chat(const ChatTemplate& wrapper, std::string_view prompt);

// One chat to render, as Transformers' apply_chat_template takes it.
struct ChatRequest {
  Json messages = Json::array();  // objects with "role" and "content"
  Json tools;                     // null, or a list of JSON schemas
  Json documents;                 // null, or a list of objects
  bool add_generation_prompt = false;
  Json variables = Json::object();  // more names for the template, such as enable_thinking
  std::string template_name;        // of a checkpoint with several; "" chooses
};

// The Jinja templates of a checkpoint and its special tokens. Thread-safe.
class CheckpointChat {
 public:
  // Reads chat_template.jinja, additional_chat_templates/*.jinja or the key chat_template of
  // tokenizer_config.json, and the special tokens of tokenizer_config.json and
  // special_tokens_map.json. Errors: no template there, a malformed file or template.
  static Result<CheckpointChat> load(const std::string& folder);
  // The special tokens alone, for use with add(); `folder` may lack both files.
  static Result<CheckpointChat> load_tokens(const std::string& folder);

  // Adds or replaces a template; `where` begins its error messages.
  Status add(const std::string& name, std::string_view source, const std::string& where);

  std::vector<std::string> names() const;

  // As Transformers renders it: keys with a null are dropped from messages, reasoning is known
  // under its old and new names. `now` is for strftime_now.
  Result<JinjaOutput> render(const ChatRequest& request, std::optional<std::tm> now = {}) const;

  // What the template writes around one user turn. Error: a template that cannot be taken apart,
  // because it changes the user's text or writes it more than once.
  Result<ChatTemplate> wrapper() const;

 private:
  CheckpointChat() = default;
  Status read_tokens(const std::string& path);
  Result<const JinjaTemplate*> choose(const ChatRequest& request) const;

  std::string folder_;
  std::map<std::string, JinjaTemplate> templates_;
  Json special_tokens_ = Json::object();  // "bos_token": "<s>"
};

}  // namespace relata::text
