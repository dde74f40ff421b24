// A checkpoint's own chat template: where it is found, how a chat becomes its variables, and what
// it writes around a user's turn.
#include <algorithm>
#include <array>
#include <filesystem>

#include "gguf/gguf_chat.h"
#include "jinja/jinja_text.h"
#include "relata/base/file.h"
#include "relata/text/chat.h"

namespace relata::text {
namespace {

constexpr char kTemplateFile[] = "chat_template.jinja";
constexpr char kMoreTemplates[] = "additional_chat_templates";
constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kMapFile[] = "special_tokens_map.json";
constexpr char kDefault[] = "default";

// Something that no template writes by itself.
constexpr char kQuestion[] = "relata question 5f2c91";
constexpr char kOtherQuestion[] = "Relata asks: 77b0e4?";
constexpr char kAnswer[] = "relata answer 8d1e63";

std::string join_path(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.back() == '/' ? folder + name : folder + "/" + name;
}

Status add_from_config(CheckpointChat& chat, const Json& value, const std::string& where) {
  if (value.is_string()) return chat.add(kDefault, value.get_ref<const std::string&>(), where);
  if (!value.is_array()) {
    return input_error(where + ": a text or a list of named templates is wanted");
  }
  for (const Json& item : value) {
    const bool named = item.is_object() && item.contains("name") && item["name"].is_string() &&
                       item.contains("template") && item["template"].is_string();
    if (!named) {
      return input_error(where + ": each template of the list needs \"name\" and \"template\"");
    }
    const auto& name = item["name"].get_ref<const std::string&>();
    RELATA_CHECK(
        chat.add(name, item["template"].get_ref<const std::string&>(), where + "[" + name + "]"));
  }
  return {};
}

Status add_files(CheckpointChat& chat, const std::string& folder) {
  const std::string path = join_path(folder, kTemplateFile);
  if (file_exists(path)) {
    RELATA_TRY(const std::string source, read_file(path));
    RELATA_CHECK(chat.add(kDefault, source, path));
  }
  std::error_code code;
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(join_path(folder, kMoreTemplates), code)) {
    if (entry.path().extension() == ".jinja") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    RELATA_TRY(const std::string source, read_file(file.string()));
    RELATA_CHECK(chat.add(file.stem().string(), source, file.string()));
  }
  return {};
}

Status add_from_gguf(CheckpointChat& chat, const std::string& path) {
  RELATA_TRY(const auto file, GgufFile::open(path));
  RELATA_TRY(const NamedTexts templates, gguf_chat_templates(*file));
  for (const auto& [name, source] : templates) {
    RELATA_CHECK(chat.add(name, source, path + ": chat template " + name));
  }
  return {};
}

// Reasoning came to be known as reasoning_content; older names for it are understood too.
void name_reasoning(Json& message) {
  static constexpr std::array<const char*, 3> kNames = {"reasoning_content", "thinking",
                                                        "reasoning"};
  for (const char* name : kNames) {
    const auto found = message.find(name);
    if (found == message.end()) continue;
    Json out = Json::object();
    out["thinking"] = *found;
    for (const auto& [key, value] : message.items()) out[key] = value;
    out["reasoning_content"] = *found;
    message = std::move(out);
    return;
  }
}

Result<Json> template_messages(const Json& messages) {
  if (!messages.is_array() || messages.empty()) {
    return input_error("the messages must be a list with at least one message",
                       R"(for example [{"role": "user", "content": "Hi"}])");
  }
  Json out = Json::array();
  for (const Json& message : messages) {
    if (!message.is_object()) {
      return input_error("message " + std::to_string(out.size() + 1) + " is no object",
                         R"(for example {"role": "user", "content": "Hi"})");
    }
    Json kept = Json::object();
    for (const auto& [key, value] : message.items()) {
      if (!value.is_null()) kept[key] = value;
    }
    name_reasoning(kept);
    out.push_back(std::move(kept));
  }
  return out;
}

size_t count_of(const std::string& text, std::string_view part) {
  size_t out = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
  return out;
}

ChatRequest user_turn(const std::string& text) {
  ChatRequest request;
  request.messages.push_back({{"role", "user"}, {"content", text}});
  request.add_generation_prompt = true;
  return request;
}

}  // namespace

Result<CheckpointChat> CheckpointChat::load_tokens(const std::string& folder) {
  CheckpointChat chat;
  chat.folder_ = folder;
  if (is_gguf(folder)) {
    RELATA_TRY(const auto file, GgufFile::open(folder));
    RELATA_TRY(const NamedTexts special, gguf_special_tokens(*file));
    for (const auto& [name, token] : special) chat.special_tokens_[name] = token;
    return chat;
  }
  RELATA_CHECK(chat.read_tokens(join_path(folder, kMapFile)));
  RELATA_CHECK(chat.read_tokens(join_path(folder, kConfigFile)));
  return chat;
}

Result<CheckpointChat> CheckpointChat::load(const std::string& folder) {
  RELATA_TRY(CheckpointChat chat, load_tokens(folder));
  if (is_gguf(folder)) {
    RELATA_CHECK(add_from_gguf(chat, folder));
  } else {
    RELATA_CHECK(add_files(chat, folder));
  }
  const std::string config_path = join_path(folder, kConfigFile);
  if (chat.templates_.empty() && file_exists(config_path)) {
    RELATA_TRY(const Json config, read_json(config_path));
    const auto found = config.find("chat_template");
    if (found != config.end() && !found->is_null()) {
      RELATA_CHECK(add_from_config(chat, *found, config_path + ": chat_template"));
    }
  }
  if (chat.templates_.empty()) {
    return input_error(folder + ": the checkpoint has no chat template",
                       "name one, such as llama2, mistral or qwen; \"none\" adds nothing");
  }
  return chat;
}

Status CheckpointChat::read_tokens(const std::string& path) {
  if (!file_exists(path)) return {};
  RELATA_TRY(const Json config, read_json(path));
  if (!config.is_object()) return input_error(path + ": a JSON object is wanted");
  for (const auto& [key, value] : config.items()) {
    if (!key.ends_with("_token")) continue;
    const Json* text = &value;
    if (value.is_object() && value.contains("content")) text = &value["content"];
    if (text->is_string()) special_tokens_[key] = *text;
  }
  return {};
}

Status CheckpointChat::add(const std::string& name, std::string_view source,
                           const std::string& where) {
  RELATA_TRY(JinjaTemplate parsed, JinjaTemplate::parse(source, where));
  templates_.insert_or_assign(name, std::move(parsed));
  return {};
}

std::vector<std::string> CheckpointChat::names() const {
  std::vector<std::string> out;
  out.reserve(templates_.size());
  for (const auto& item : templates_) out.push_back(item.first);
  return out;
}

Result<const JinjaTemplate*> CheckpointChat::choose(const ChatRequest& request) const {
  std::string name = request.template_name;
  if (name.empty()) {
    const bool for_tools = !request.tools.is_null() && templates_.contains("tool_use");
    name = for_tools ? "tool_use" : kDefault;
  }
  const auto found = templates_.find(name);
  if (found != templates_.end()) return &found->second;
  std::string known;
  for (const auto& item : templates_) known += (known.empty() ? "" : ", ") + item.first;
  return usage_error(folder_ + ": no chat template \"" + name + "\"", "there are: " + known);
}

Result<JinjaOutput> CheckpointChat::render(const ChatRequest& request,
                                           std::optional<std::tm> now) const {
  RELATA_TRY(const JinjaTemplate* const chosen, choose(request));
  if (!request.variables.is_object()) return input_error("the variables must be a JSON object");
  Json variables = special_tokens_;
  variables.update(request.variables);
  RELATA_TRY(variables["messages"], template_messages(request.messages));
  variables["tools"] = request.tools;
  variables["documents"] = request.documents;
  variables["add_generation_prompt"] = request.add_generation_prompt;
  return chosen->render(variables, now);
}

Result<ChatTemplate> CheckpointChat::wrapper() const {
  ChatTemplate out;
  out.name = "auto";
  out.add_special = false;
  RELATA_TRY(const JinjaOutput plain, render(user_turn(kQuestion)));
  RELATA_TRY(const JinjaOutput other, render(user_turn(kOtherQuestion)));
  RELATA_TRY(const JinjaOutput spaced, render(user_turn(std::string(" \n") + kQuestion + "\n ")));
  const Error unusable =
      input_error(folder_ + ": the chat template does more than put text around the user's turn",
                  "name a template instead, such as llama2, mistral or qwen");
  if (count_of(plain.text, kQuestion) != 1) return unusable;
  const size_t at = plain.text.find(kQuestion);
  out.before = plain.text.substr(0, at);
  out.after = plain.text.substr(at + std::string_view(kQuestion).size());
  if (other.text != out.before + kOtherQuestion + out.after) return unusable;
  out.trim = spaced.text == plain.text;
  if (!out.trim && spaced.text != out.before + " \n" + kQuestion + "\n " + out.after) {
    return unusable;
  }
  // What follows an answer ends it. A template that refuses such a chat names no stop.
  ChatRequest finished = user_turn(kQuestion);
  finished.messages.push_back({{"role", "assistant"}, {"content", kAnswer}});
  finished.add_generation_prompt = false;
  const auto rendered = render(finished);
  const size_t answer = rendered.ok() ? rendered.value().text.find(kAnswer) : std::string::npos;
  if (answer == std::string::npos) return out;
  std::string stop = rendered.value().text.substr(answer + std::string_view(kAnswer).size());
  stop = std::string(jinja::strip(stop, jinja::Side::kBoth));
  const auto eos = special_tokens_.find("eos_token");
  const bool is_eos =
      eos != special_tokens_.end() && stop.starts_with(eos->get_ref<const std::string&>());
  if (!stop.empty() && !is_eos) out.stops.push_back(std::move(stop));
  return out;
}

}  // namespace relata::text
