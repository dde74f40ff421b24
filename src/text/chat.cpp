#include "relata/text/chat.h"

#include <algorithm>

#include "jinja/jinja_text.h"
#include "relata/base/fields.h"

namespace relata::text {
namespace {

constexpr char kAuto[] = "auto";

constexpr char kAssistantSystem[] =
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions.";

constexpr char kLlama2System[] =
    "You are a helpful, respectful and honest assistant. "
    "Always answer as helpfully as possible, while being safe. "
    "Your answers should not include any harmful, unethical, "
    "racist, sexist, toxic, dangerous, or illegal content. "
    "Please ensure that your responses are socially unbiased and positive in nature.\n\n"
    "If a question does not make any sense, or is not factually coherent, "
    "explain why instead of answering something not correct. "
    "If you don't know the answer to a question, please don't share false information.";

constexpr char kChatGlm3System[] =
    "You are ChatGLM3, a large language model trained by Zhipu.AI. "
    "Follow the user's instructions carefully. Respond using markdown.";

std::vector<ChatTemplate> make_templates() {
  const std::string llama3 = "<|start_header_id|>user<|end_header_id|>\n\n";
  return {
      {"none", "", "", {}},
      {"default", std::string(kAssistantSystem) + "\nHuman: ", "\nAssistant:", {}},
      {"llama2",
       "[INST] <<SYS>>\n" + std::string(kLlama2System) + "\n<</SYS>>\n\n",
       " [/INST]",
       {}},
      {"llama3",
       llama3,
       "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
       {"<|eot_id|>"}},
      {"mistral", "[INST] ", " [/INST]", {}},
      // LLaMA-Factory encodes the system line and the turn apart, and Llama's tokenizer puts a
      // space before each part; in one string that space has to be written.
      {"vicuna", std::string(kAssistantSystem) + " USER: ", " ASSISTANT:", {}},
      {"qwen",
       "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
       "<|im_end|>\n<|im_start|>assistant\n",
       {"<|im_end|>"}},
      {"chatglm2", "[Round 1]\n\n问：", "\n\n答：", {}},
      // As for vicuna, a space begins each part that the model's own code encodes apart.
      {"chatglm3",
       "<|system|>\n " + std::string(kChatGlm3System) + "<|user|>\n ",
       "<|assistant|>\n",
       {"<|user|>", "<|observation|>"}},
      {"baichuan2", "<reserved_106>", "<reserved_107>", {}},
  };
}

const std::vector<ChatTemplate>& all_templates() {
  static const std::vector<ChatTemplate> kTemplates = make_templates();
  return kTemplates;
}

}  // namespace

Result<ChatTemplate> chat_template(const std::string& name) {
  const auto& templates = all_templates();
  const auto found = std::find_if(templates.begin(), templates.end(),
                                  [&](const ChatTemplate& item) { return item.name == name; });
  if (found != templates.end()) return *found;
  if (name == kAuto) {
    return usage_error("chat template \"auto\" needs a checkpoint's folder",
                       "name a template where there is no checkpoint");
  }
  const std::vector<std::string> names = chat_template_names();
  std::string hint;
  if (const auto nearest = nearest_name(name, names)) {
    hint = "did you mean \"" + *nearest + "\"?";
  } else {
    for (const auto& known : names) hint += (hint.empty() ? "known templates: " : ", ") + known;
  }
  return usage_error("unknown chat template \"" + name + "\"", hint);
}

Result<ChatTemplate> chat_template(const std::string& name, const std::string& model_folder) {
  if (name != kAuto) return chat_template(name);
  RELATA_TRY(const CheckpointChat chat, CheckpointChat::load(model_folder));
  return chat.wrapper();
}

std::vector<std::string> chat_template_names() {
  std::vector<std::string> names;
  for (const auto& item : all_templates()) names.push_back(item.name);
  names.emplace_back(kAuto);
  return names;
}

std::string wrap_chat(const ChatTemplate& wrapper, std::string_view prompt) {
  if (wrapper.trim) prompt = jinja::strip(prompt, jinja::Side::kBoth);
  std::string out;
  out.reserve(wrapper.before.size() + prompt.size() + wrapper.after.size());
  out += wrapper.before;
  out += prompt;
  out += wrapper.after;
  return out;
}

}  // namespace relata::text
