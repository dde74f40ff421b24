#include "relata/text/chat.h"

#include <gtest/gtest.h>

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
}

TEST(Chat, PutsLlama2SystemTextInsideTheTurn) {
  const std::string text = wrap("llama2");
  EXPECT_TRUE(text.starts_with("[INST] <<SYS>>\nYou are a helpful, respectful and honest"));
  EXPECT_TRUE(text.ends_with("don't share false information.\n<</SYS>>\n\n<Q> [/INST]"));
}

TEST(Chat, NamesItsStops) {
  EXPECT_EQ(chat_template("qwen").value().stops, std::vector<std::string>{"<|im_end|>"});
  EXPECT_TRUE(chat_template("llama2").value().stops.empty());
}

TEST(Chat, ListsWhatItHas) {
  for (const auto& name : chat_template_names()) {
    EXPECT_EQ(chat_template(name).value().name, name);
  }
  EXPECT_EQ(chat_template_names().size(), 6u);
}

TEST(Chat, SuggestsTheNearestName) {
  const auto result = chat_template("lama2");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUsage);
  EXPECT_NE(result.error().message.find("lama2"), std::string::npos);
  EXPECT_NE(result.error().hint.find("llama2"), std::string::npos);
}

}  // namespace
}  // namespace relata::text
