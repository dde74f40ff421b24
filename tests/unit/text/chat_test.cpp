#include "relata/text/chat.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "temp_folder.h"

namespace relata::text {
namespace {

std::string wrap(const std::string& name) { return wrap_chat(chat_template(name).value(), "<Q>"); }

TEST(Chat, WrapsByName) {
  const std::string system =
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
      "helpful, detailed, and polite answers to the user's questions.";
  EXPECT_EQ(wrap("none"), "<Q>");
  EXPECT_EQ(wrap("default"), system + "\nHuman: <Q>\nAssistant:");
  EXPECT_EQ(wrap("vicuna"), system + " USER: <Q> ASSISTANT:");
  EXPECT_EQ(wrap("mistral"), "[INST] <Q> [/INST]");
  EXPECT_EQ(wrap("qwen"),
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<Q>"
            "<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(wrap("llama3"),
            "<|start_header_id|>user<|end_header_id|>\n\n<Q><|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(wrap("chatglm2"), "[Round 1]\n\n问：<Q>\n\n答：");
  EXPECT_EQ(wrap("baichuan2"), "<reserved_106><Q><reserved_107>");
}

TEST(Chat, WrapsAsChatGlm3Does) {
  const std::string text = wrap("chatglm3");
  EXPECT_TRUE(text.starts_with("<|system|>\n You are ChatGLM3, "));
  EXPECT_TRUE(text.ends_with("<|user|>\n <Q><|assistant|>\n"));
}

TEST(Chat, PutsLlama2SystemTextInsideTheTurn) {
  const std::string text = wrap("llama2");
  EXPECT_TRUE(text.starts_with("[INST] <<SYS>>\nYou are a helpful, respectful and honest"));
  EXPECT_TRUE(text.ends_with("don't share false information.\n<</SYS>>\n\n<Q> [/INST]"));
}

TEST(Chat, NamesItsStops) {
  EXPECT_EQ(chat_template("qwen").value().stops, std::vector<std::string>{"<|im_end|>"});
  EXPECT_EQ(chat_template("llama3").value().stops, std::vector<std::string>{"<|eot_id|>"});
  EXPECT_TRUE(chat_template("llama2").value().stops.empty());
}

TEST(Chat, ListsWhatItHas) {
  for (const auto& name : chat_template_names()) {
    if (name == "auto") continue;
    EXPECT_EQ(chat_template(name).value().name, name);
  }
  EXPECT_EQ(chat_template_names().size(), 11u);
  EXPECT_EQ(chat_template("auto").error().code, ErrorCode::kUsage);
}

TEST(Chat, SuggestsTheNearestName) {
  const auto result = chat_template("lama2");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUsage);
  EXPECT_NE(result.error().message.find("lama2"), std::string::npos);
  EXPECT_NE(result.error().hint.find("llama2"), std::string::npos);
}

constexpr char kTurns[] =
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

ChatRequest hello() {
  ChatRequest request;
  request.messages = Json::parse(R"([{"role": "user", "content": "Hi"}])");
  return request;
}

TEST(CheckpointChat, ReadsTheTemplateFile) {
  const TempFolder folder;
  folder.write("chat_template.jinja", kTurns);
  folder.write("tokenizer_config.json",
               R"({"bos_token": {"content": "<s>"}, "chat_template": "not this one"})");
  const auto chat = CheckpointChat::load(folder.path());
  ASSERT_TRUE(chat.ok()) << chat.error().message;
  EXPECT_EQ(chat.value().render(hello()).value().text, "<s><user>Hi<end>\n");
}

TEST(CheckpointChat, ReadsTheConfiguration) {
  const TempFolder folder;
  folder.write("tokenizer_config.json",
               R"({"bos_token": "<s>", "chat_template": [
                   {"name": "default", "template": "d{{ bos_token }}"},
                   {"name": "tool_use", "template": "t{{ tools | length }}"}]})");
  const auto chat = CheckpointChat::load(folder.path());
  ASSERT_TRUE(chat.ok()) << chat.error().message;
  EXPECT_EQ(chat.value().names(), (std::vector<std::string>{"default", "tool_use"}));
  ChatRequest request = hello();
  EXPECT_EQ(chat.value().render(request).value().text, "d<s>");
  request.tools = Json::array({Json::object()});
  EXPECT_EQ(chat.value().render(request).value().text, "t1");
  request.template_name = "default";
  EXPECT_EQ(chat.value().render(request).value().text, "d<s>");
  request.template_name = "rag";
  EXPECT_NE(chat.value().render(request).error().hint.find("tool_use"), std::string::npos);
}

TEST(CheckpointChat, GivesMessagesAsTransformersDoes) {
  const TempFolder folder;
  folder.write("chat_template.jinja",
               "{% for m in messages %}{{ m | tojson }}{% endfor %}{{ mode }}{{ tools is none }}");
  const auto chat = CheckpointChat::load(folder.path());
  ASSERT_TRUE(chat.ok());
  ChatRequest request;
  request.messages =
      Json::parse(R"([{"role": "assistant", "tool_calls": null, "reasoning": "r"}])");
  request.variables = {{"mode", "x"}};
  EXPECT_EQ(chat.value().render(request).value().text,
            R"({"thinking": "r", "role": "assistant", "reasoning": "r", "reasoning_content": "r"})"
            "xTrue");
  request.messages = Json::array();
  EXPECT_FALSE(chat.value().render(request).ok());
  request.messages = Json::array({1});
  EXPECT_NE(chat.value().render(request).error().message.find("message 1"), std::string::npos);
}

TEST(CheckpointChat, BecomesAWrapper) {
  const TempFolder folder;
  folder.write("chat_template.jinja", kTurns);
  folder.write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": "</s>"})");
  const auto wrapper = chat_template("auto", folder.path());
  ASSERT_TRUE(wrapper.ok()) << wrapper.error().message;
  EXPECT_EQ(wrapper.value().before, "<s><user>");
  EXPECT_EQ(wrapper.value().after, "<end>\n<assistant>");
  EXPECT_EQ(wrapper.value().stops, std::vector<std::string>{"<end>"});
  EXPECT_FALSE(wrapper.value().add_special);
  EXPECT_TRUE(wrapper.value().trim);
  EXPECT_EQ(wrap_chat(wrapper.value(), " a b\n"), "<s><user>a b<end>\n<assistant>");
}

TEST(CheckpointChat, NamesNoStopBesidesEos) {
  const TempFolder folder;
  folder.write("chat_template.jinja",
               "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}"
               "{% endif %}{% endfor %}");
  folder.write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  const auto wrapper = chat_template("auto", folder.path());
  ASSERT_TRUE(wrapper.ok()) << wrapper.error().message;
  EXPECT_TRUE(wrapper.value().stops.empty());
  EXPECT_FALSE(wrapper.value().trim);
}

TEST(CheckpointChat, RefusesWhatIsNoWrapper) {
  for (const char* source : {"{{ messages[0].content | upper }}", "nothing",
                             "{{ messages[0].content }}{{ messages[0].content }}"}) {
    const TempFolder folder;
    folder.write("chat_template.jinja", source);
    EXPECT_FALSE(chat_template("auto", folder.path()).ok()) << source;
  }
}

TEST(CheckpointChat, SaysWhatIsWrong) {
  const TempFolder folder;
  EXPECT_NE(CheckpointChat::load(folder.path()).error().message.find("no chat template"),
            std::string::npos);
  folder.write("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_NE(CheckpointChat::load(folder.path()).error().message.find("chat_template"),
            std::string::npos);
  folder.write("tokenizer_config.json", R"({"chat_template": "{% if %}"})");
  EXPECT_NE(CheckpointChat::load(folder.path()).error().message.find("chat_template:1:7"),
            std::string::npos);
  folder.write("tokenizer_config.json", R"([1])");
  EXPECT_FALSE(CheckpointChat::load(folder.path()).ok());
}

}  // namespace
}  // namespace relata::text
