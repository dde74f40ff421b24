#include "node_parts.h"

namespace relata::text {

namespace {

Node sequence(const char* name, int type) {
  return {{"Sequence", {{"id", name}, {"type_id", type}}}};
}

}  // namespace

Node special_token(const std::string& content, int64_t id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

Node frame_template(const std::vector<std::pair<std::string, int64_t>>& before,
                    const std::vector<std::pair<std::string, int64_t>>& after) {
  Node single = Node::array();
  Node special = Node::object();
  const auto add = [&](const auto& tokens) {
    for (const auto& [name, id] : tokens) {
      single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
      special[name] = {{"id", name}, {"ids", Node::array({id})}, {"tokens", Node::array({name})}};
    }
  };
  add(before);
  single.push_back(sequence("A", 0));
  add(after);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", Node::array({sequence("A", 0), sequence("B", 1)})},
          {"special_tokens", special}};
}

Node byte_level_pre_tokenizer(const std::string& pattern, bool prefix_space) {
  const Node bytes = {{"type", "ByteLevel"},
                      {"add_prefix_space", prefix_space},
                      {"trim_offsets", false},
                      {"use_regex", pattern.empty()}};
  if (pattern.empty()) return bytes;
  return {{"type", "Sequence"}, {"pretokenizers", Node::array({isolated_split(pattern), bytes})}};
}

Node isolated_split(const std::string& pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
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
