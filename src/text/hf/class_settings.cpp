#include "hf/class_settings.h"

#include <algorithm>
#include <array>
#include <string>

namespace relata::text {
namespace {

constexpr std::array kWordPieceClasses = {"Bert", "Electra"};
constexpr std::array kByteLevelClasses = {"GPT2", "Qwen2", "Roberta", "Bart", "Longformer"};

template <class Names>
bool is_one_of(const std::string& tokenizer_class, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) {
    return tokenizer_class.find(name) != std::string::npos;
  });
}

bool is_of_type(const Node& node, const char* type) {
  return node.is_object() && node.contains("type") && node["type"] == type;
}

void apply_to_normalizer(const TokenizerConfig& config, Node& normalizer) {
  if (!is_of_type(normalizer, "BertNormalizer")) return;
  // Without a class, Transformers takes the one of the model.
  const bool stated = config.lower_case || config.strip_accents || config.chinese_chars;
  const bool by_class = config.tokenizer_class.empty()
                            ? stated
                            : is_one_of(config.tokenizer_class, kWordPieceClasses);
  if (!by_class) return;
  normalizer["lowercase"] = config.lower_case.value_or(true);
  normalizer["strip_accents"] = config.strip_accents ? Node(*config.strip_accents) : Node();
  normalizer["handle_chinese_chars"] = config.chinese_chars.value_or(true);
}

void apply_to_pre_tokenizer(bool prefix_space, Node& step) {
  if (is_of_type(step, "ByteLevel")) step["add_prefix_space"] = prefix_space;
  if (!is_of_type(step, "Sequence") || !step.contains("pretokenizers")) return;
  for (Node& inner : step["pretokenizers"]) apply_to_pre_tokenizer(prefix_space, inner);
}

}  // namespace

void apply_class_settings(const TokenizerConfig& config, Node& root) {
  if (root.contains("normalizer")) apply_to_normalizer(config, root["normalizer"]);
  if (root.contains("pre_tokenizer") && is_one_of(config.tokenizer_class, kByteLevelClasses)) {
    apply_to_pre_tokenizer(config.prefix_space.value_or(false), root["pre_tokenizer"]);
  }
}

}  // namespace relata::text
