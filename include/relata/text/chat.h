// Chat wrappers by name, under LLaMA-Factory's template names: default, llama2, mistral, vicuna,
// qwen; and "none", which adds nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata::text {

struct ChatTemplate {
  std::string name;
  std::string before;  // text before the user's turn (a system line, when the template has one)
  std::string after;   // text between the user's turn and the answer
  std::vector<std::string> stops;  // strings that end an answer, besides EOS
};

Result<ChatTemplate> chat_template(const std::string& name);  // unknown names suggest the nearest
std::vector<std::string> chat_template_names();
std::string wrap_chat(const ChatTemplate& wrapper, std::string_view prompt);

}  // namespace relata::text
