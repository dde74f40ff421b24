#include "node_parts.h"

namespace relata::text {

Node special_token(const std::string& content, int64_t id) {
  return {{"id", id}, {"content", content}, {"special", true}, {"normalized", false}};
}

Node frame_template(const std::vector<std::pair<std::string, int64_t>>& before,
                    const std::vector<std::pair<std::string, int64_t>>& after) {
  Node single = Node::array();
  Node special = Node::object();
  const auto add = [&](const auto& tokens) {
    for (const auto& [name, id] : tokens) {
      single.push_back({{"SpecialToken", {{"id", name}}}});
      special[name] = {{"id", name}, {"ids", Node::array({id})}};
    }
  };
  add(before);
  single.push_back({{"Sequence", {{"id", "A"}}}});
  add(after);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", special}};
}

Node byte_level_pre_tokenizer(const std::string& pattern, bool prefix_space) {
  Node bytes = {
      {"type", "ByteLevel"}, {"add_prefix_space", prefix_space}, {"use_regex", pattern.empty()}};
  if (pattern.empty()) return bytes;
  Node split = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
  return {{"type", "Sequence"}, {"pretokenizers", Node::array({std::move(split), bytes})}};
}

std::vector<std::string_view> text_lines(std::string_view content) {
  std::vector<std::string_view> lines;
  while (!content.empty()) {
    const size_t end = content.find('\n');
    std::string_view line = content.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
  }
  return lines;
}

}  // namespace relata::text
