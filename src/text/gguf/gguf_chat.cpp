#include "gguf/gguf_chat.h"

#include <array>

#include "relata/text/utf8.h"

namespace relata::text {
namespace {

constexpr const char* kTemplate = "tokenizer.chat_template";
constexpr const char* kNames = "tokenizer.chat_templates";  // of further templates

Error at_key(const GgufFile& file, const std::string& key, const std::string& problem) {
  return input_error(file.path() + ": key '" + key + "': " + problem,
                     "the file is damaged; download it again");
}

Status add_template(const GgufFile& file, const std::string& name, const std::string& key,
                    NamedTexts& out) {
  RELATA_TRY(std::string source, file.get_string(key));
  if (find_invalid_utf8(source)) return at_key(file, key, "it is not valid UTF-8");
  out.emplace_back(name, std::move(source));
  return {};
}

}  // namespace

Result<NamedTexts> gguf_chat_templates(const GgufFile& file) {
  NamedTexts out;
  if (file.has(kTemplate)) RELATA_CHECK(add_template(file, "default", kTemplate, out));
  if (!file.has(kNames)) return out;
  RELATA_TRY(const auto names, file.get_strings(kNames));
  for (const std::string_view name : names) {
    if (name == "default") continue;
    if (find_invalid_utf8(name)) return at_key(file, kNames, "a name is not valid UTF-8");
    const std::string text(name);
    RELATA_CHECK(add_template(file, text, std::string(kTemplate) + "." + text, out));
  }
  return out;
}

Result<NamedTexts> gguf_special_tokens(const GgufFile& file) {
  static constexpr std::array<std::pair<const char*, const char*>, 4> kSpecial = {
      {{"bos_token", "tokenizer.ggml.bos_token_id"},
       {"eos_token", "tokenizer.ggml.eos_token_id"},
       {"unk_token", "tokenizer.ggml.unknown_token_id"},
       {"pad_token", "tokenizer.ggml.padding_token_id"}}};
  RELATA_TRY(const auto tokens, file.get_strings("tokenizer.ggml.tokens"));
  NamedTexts out;
  for (const auto& [name, key] : kSpecial) {
    if (!file.has(key)) continue;
    RELATA_TRY(const int64_t id, file.get_integer(key));
    if (id < 0 || id >= static_cast<int64_t>(tokens.size())) {
      return at_key(file, key,
                    "id " + std::to_string(id) + " is outside the vocabulary of " +
                        std::to_string(tokens.size()));
    }
    out.emplace_back(name, tokens[static_cast<size_t>(id)]);
  }
  return out;
}

}  // namespace relata::text
