#include "arch/text_part.h"

#include <algorithm>
#include <array>
#include <utility>

namespace relata::model {
namespace {

// Only such as compute text without images exactly as the architecture of their text part does.
struct WithImages {
  const char* model_type;
  const char* text_type;  // where the file names none
};
constexpr std::array kWithImages = {
    WithImages{"gemma3", "gemma3_text"}, WithImages{"mistral3", "mistral"},
    WithImages{"llava", "llama"},        WithImages{"llava_next", "llama"},
    WithImages{"internvl", "qwen2"},
};

// Transformers leaves out of a part what is as its class has it.
Json usual_sizes(const std::string& text_type) {
  if (text_type == "gemma3_text") {
    return {{"vocab_size", 262208},       {"hidden_size", 2304},      {"intermediate_size", 9216},
            {"num_hidden_layers", 26},    {"num_attention_heads", 8}, {"num_key_value_heads", 4},
            {"tie_word_embeddings", true}};
  }
  if (text_type == "mistral") {
    return {{"vocab_size", 32000},
            {"hidden_size", 4096},
            {"intermediate_size", 14336},
            {"num_hidden_layers", 32},
            {"num_attention_heads", 32}};
  }
  if (text_type == "qwen2") {
    return {{"vocab_size", 151936},    {"hidden_size", 4096},       {"intermediate_size", 22016},
            {"num_hidden_layers", 32}, {"num_attention_heads", 32}, {"num_key_value_heads", 32}};
  }
  if (text_type == "llama") {
    return {{"vocab_size", 32000},
            {"hidden_size", 4096},
            {"intermediate_size", 11008},
            {"num_hidden_layers", 32},
            {"num_attention_heads", 32}};
  }
  return Json::object();
}

}  // namespace

Result<std::optional<Json>> text_part(const Json& config, const std::string& where) {
  const auto type = config.find("model_type");
  const auto* kind = std::find_if(kWithImages.begin(), kWithImages.end(), [&](const auto& each) {
    return type != config.end() && *type == each.model_type;
  });
  if (kind == kWithImages.end()) return std::optional<Json>();
  const auto part = config.find("text_config");
  if (part == config.end() || !part->is_object()) {
    return input_error(where + ": \"text_config\" is missing, the text part of model type \"" +
                           kind->model_type + "\"",
                       "compare the file with the model's published one, or fetch the model again");
  }
  const auto named = part->find("model_type");
  const std::string text_type = named != part->end() && named->is_string()
                                    ? named->get<std::string>()
                                    : std::string(kind->text_type);
  Json text = usual_sizes(text_type);
  text.update(*part);
  text["model_type"] = text_type;
  // What is said of the whole model is said of its parts.
  for (const char* key : {"bos_token_id", "eos_token_id", "dtype", "torch_dtype",
                          "tie_word_embeddings", "quantization_config"}) {
    const auto found = config.find(key);
    if (found != config.end() && !found->is_null()) text[key] = *found;
  }
  return std::optional<Json>(std::move(text));
}

std::string models_with_text_part() {
  std::string all;
  for (const WithImages& each : kWithImages) {
    all += (all.empty() ? "" : ", ") + std::string(each.model_type);
  }
  return all;
}

}  // namespace relata::model
