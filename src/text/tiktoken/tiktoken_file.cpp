#include <charconv>
#include <unordered_map>

#include "base64.h"
#include "hf/hf_tokenizer.h"
#include "hf/models/bpe_model.h"
#include "hf/models/vocab_files.h"
#include "hf/stages/node_parts.h"
#include "hf/stages/split_pattern.h"

namespace relata::text {
namespace {

// A rank file says neither how to split a text nor which special tokens there are. Its size tells
// whose it is; the special tokens of tokenizer_config.json go before those that are listed here.
struct Family {
  size_t ranks;
  const char* pattern;
  bool composes;
  const char* bos;  // goes before every text; "": none
  std::vector<std::string> (*special)();
};

// `count` names "<|PREFIX_0|>", "<|PREFIX_1|>" ...
void add_numbered(std::vector<std::string>& names, const std::string& prefix, int first, int last) {
  for (int i = first; i <= last; ++i) {
    names.push_back("<|" + prefix + "_" + std::to_string(i) + "|>");
  }
}

// Of Llama 3.1 and later: 256 names.
std::vector<std::string> llama3_special() {
  std::vector<std::string> names = {"<|begin_of_text|>", "<|end_of_text|>"};
  add_numbered(names, "reserved_special_token", 0, 1);
  names.emplace_back("<|finetune_right_pad_id|>");
  add_numbered(names, "reserved_special_token", 2, 2);
  for (const char* name : {"start_header_id", "end_header_id", "eom_id", "eot_id", "python_tag"}) {
    names.push_back(std::string("<|") + name + "|>");
  }
  add_numbered(names, "reserved_special_token", 3, 247);
  return names;
}

std::vector<std::string> qwen_special() {
  std::vector<std::string> names = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  add_numbered(names, "extra", 0, 204);
  return names;
}

std::vector<std::string> gpt2_special() { return {"<|endoftext|>"}; }

// cl100k_base leaves the first id after its ranks free.
std::vector<std::string> cl100k_special() {
  return {"", "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"};
}

const Family* family_of(size_t ranks) {
  static const std::array<Family, 4> kFamilies = {{
      {128000, kLlama3Pattern, false, "<|begin_of_text|>", llama3_special},
      {151643, kQwenPattern, true, "", qwen_special},
      {100256, kLlama3Pattern, false, "", cl100k_special},
      {50256, kGpt2Pattern, false, "", gpt2_special},
  }};
  for (const Family& family : kFamilies) {
    if (family.ranks == ranks) return &family;
  }
  return nullptr;
}

struct Line {
  std::string bytes;
  size_t rank;
};

std::optional<Line> parse_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto bytes = decode_base64(line.substr(0, space));
  const std::string_view number = line.substr(space + 1);
  size_t rank = 0;
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), rank);
  if (!bytes || bytes->empty() || code != std::errc() || end != number.data() + number.size()) {
    return std::nullopt;
  }
  return Line{std::move(*bytes), rank};
}

Result<std::vector<std::string>> read_ranks(std::string_view content, const std::string& path) {
  const std::vector<std::string_view> lines = text_lines(content);
  std::vector<std::string> ranks(lines.size());
  std::unordered_map<std::string, size_t> seen;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto bad = [&](const std::string& what) {
      return input_error(path + ":" + std::to_string(i + 1) + ": " + what, kDamagedHint);
    };
    const auto line = parse_line(lines[i]);
    if (!line) return bad("a token in base 64, a space and its rank are wanted");
    if (line->bytes.size() > kLongestToken) return bad("the token is too long");
    if (line->rank >= ranks.size()) return bad("the rank is larger than the number of lines");
    if (!ranks[line->rank].empty()) return bad("the rank is there twice");
    const auto [other, added] = seen.try_emplace(line->bytes, i + 1);
    if (!added) return bad("the token is also in line " + std::to_string(other->second));
    ranks[line->rank] = line->bytes;
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (seen.contains(std::string(1, static_cast<char>(byte)))) continue;
    return input_error(path + ": the byte " + std::to_string(byte) + " has no rank", kDamagedHint);
  }
  return ranks;
}

}  // namespace

bool looks_like_tiktoken(std::string_view content) {
  std::string_view line = content.substr(0, content.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return parse_line(line).has_value();
}

Result<std::shared_ptr<const Tokenizer>> load_tiktoken(ModelFolder files, const std::string& name) {
  const std::string path = files.path(name);
  RELATA_TRY(const std::vector<std::string> ranks, read_ranks(*files.find(name), path));
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  const Family* family = family_of(ranks.size());
  if (family == nullptr) {
    return input_error(
        path + ": how texts are split for " + std::to_string(ranks.size()) + " ranks is not known",
        "convert the tokenizer to a tokenizer.json with Transformers");
  }
  Node root = {{"decoder", {{"type", "ByteLevel"}}}, {"added_tokens", Node::array()}};
  root["pre_tokenizer"] = byte_level_pre_tokenizer(family->pattern, false);
  if (family->composes) root["normalizer"] = {{"type", "NFC"}};
  std::vector<std::pair<std::string, int64_t>> before;
  auto id = static_cast<int64_t>(ranks.size());
  for (const std::string& token : family->special()) {
    if (token == family->bos) before = {{token, id}};
    // What the configuration says of an id goes first.
    if (!token.empty() && config.added.empty()) {
      root["added_tokens"].push_back(special_token(token, id));
    }
    ++id;
  }
  root["post_processor"] = frame_template(before, {});
  return assemble_tokenizer(std::move(files),
                            {std::move(root), BpeModel::from_ranks(ranks), path, "tiktoken", true});
}

}  // namespace relata::text
