#include "hf/class_settings.h"

#include <algorithm>
#include <array>
#include <string>

namespace relata::text {
namespace {

constexpr std::array kWordPieceClasses = {"Bert", "Electra"};
constexpr std::array kXlmRobertaClasses = {"XLMRoberta"};
constexpr std::array kRobertaClasses = {"RobertaTokenizer", "BartTokenizer", "LongformerTokenizer"};
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

std::optional<ClassFrame> class_frame(const TokenizerConfig& config) {
  const auto frame = [](const std::optional<std::string>& before, const char* usual_before,
                        const std::optional<std::string>& after,
                        const char* usual_after) -> std::optional<ClassFrame> {
    if (!before && !after) return std::nullopt;
    return ClassFrame{before.value_or(usual_before), after.value_or(usual_after)};
  };
  const std::string& name = config.tokenizer_class;
  if (is_one_of(name, kXlmRobertaClasses)) return frame(config.bos, "<s>", config.eos, "</s>");
  const bool of_roberta = std::any_of(kRobertaClasses.begin(), kRobertaClasses.end(),
                                      [&](const char* begin) { return name.starts_with(begin); });
  if (of_roberta) return frame(config.cls, "<s>", config.sep, "</s>");
  if (is_one_of(name, kWordPieceClasses)) return frame(config.cls, "[CLS]", config.sep, "[SEP]");
  return std::nullopt;
}

}  // namespace relata::text
