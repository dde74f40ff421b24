#include "vocab_files.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "hf/hf_tokenizer.h"
#include "hf/stages/node_parts.h"
#include "hf/stages/split_pattern.h"
#include "vocabulary.h"

namespace relata::text {
namespace {

constexpr char kVocabJson[] = "vocab.json";
constexpr char kMerges[] = "merges.txt";
constexpr char kVocabText[] = "vocab.txt";
constexpr char kConfig[] = "tokenizer_config.json";

// What distinguishes the byte-level families that have these files.
struct Family {
  const char* classes;  // a part of tokenizer_class
  const char* pattern;  // "": GPT-2's
  bool composes;        // NFC first
  const char* before;   // a token around every text; "": none
  const char* after;
};

const Family* family_of(const std::string& tokenizer_class) {
  static const std::array<Family, 8> kFamilies = {{{"GPT2", "", false, "", ""},
                                                   {"Qwen2", kQwenPattern, true, "", ""},
                                                   {"Roberta", "", false, "<s>", "</s>"},
                                                   {"Bart", "", false, "<s>", "</s>"},
                                                   {"Longformer", "", false, "<s>", "</s>"},
                                                   {"Deberta", "", false, "[CLS]", "[SEP]"},
                                                   {"CodeGen", "", false, "", ""},
                                                   {"GPTNeoX", "", false, "", ""}}};
  if (tokenizer_class.empty()) return &kFamilies[0];
  const auto found = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& family) {
    return tokenizer_class.find(family.classes) != std::string::npos;
  });
  return found == kFamilies.end() ? nullptr : &*found;
}

Result<Node> read_merge_lines(const ModelFolder& files) {
  const std::string* content = files.find(kMerges);
  const std::string path = files.path(kMerges);
  if (content == nullptr) {
    return input_error(path + ": missing; vocab.json needs it", "fetch the model's merges.txt");
  }
  if (const auto bad = find_invalid_utf8(*content)) {
    return input_error(path + ": byte " + std::to_string(*bad) + " is not UTF-8", kDamagedHint);
  }
  Node merges = Node::array();
  size_t number = 0;
  for (const std::string_view line : text_lines(*content)) {
    ++number;
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos) {
      return input_error(
          path + ":" + std::to_string(number) + ": two tokens and one space between are wanted",
          kDamagedHint);
    }
    merges.push_back(std::string(line));
  }
  return merges;
}

std::vector<std::pair<std::string, int64_t>> named_tokens(const Node& vocab,
                                                          const std::string& name) {
  const auto found = name.empty() ? vocab.end() : vocab.find(name);
  if (found == vocab.end() || !found->is_number_integer()) return {};
  return {{name, found->get<int64_t>()}};
}

// The special tokens of a class with a frame that the configuration leaves unnamed.
std::vector<std::string> usual_tokens(const Family& family, const TokenizerConfig& config) {
  const std::string before = family.before;
  if (before.empty()) return {};
  const bool brackets = before.front() == '[';
  std::vector<std::string> out;
  if (!config.pad) out.emplace_back(brackets ? "[PAD]" : "<pad>");
  if (!config.unk) out.emplace_back(brackets ? "[UNK]" : "<unk>");
  if (!config.mask) out.emplace_back(brackets ? "[MASK]" : "<mask>");
  return out;
}

}  // namespace

Result<Node> vocab_json_root(const ModelFolder& files) {
  const std::string path = files.path(kVocabJson);
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  const Family* family = family_of(config.tokenizer_class);
  if (family == nullptr) {
    return input_error(files.path(kConfig) + ": tokenizer_class \"" + config.tokenizer_class +
                           "\" is not supported with vocab.json and merges.txt",
                       "save the tokenizer with Transformers, which writes a tokenizer.json");
  }
  RELATA_TRY(Node vocab, parse_node(*files.find(kVocabJson), path));
  if (!vocab.is_object()) return input_error(path + ": an object of token to id is wanted");
  RELATA_TRY(Node merges, read_merge_lines(files));
  Node root = {{"decoder", {{"type", "ByteLevel"}}}, {"added_tokens", Node::array()}};
  root["pre_tokenizer"] =
      byte_level_pre_tokenizer(family->pattern, config.prefix_space.value_or(false));
  if (family->composes) root["normalizer"] = {{"type", "NFC"}};
  root["post_processor"] = frame_template(named_tokens(vocab, config.cls.value_or(family->before)),
                                          named_tokens(vocab, config.sep.value_or(family->after)));
  for (const char* name : {"<|endoftext|>", family->before, family->after}) {
    for (const auto& [token, id] : named_tokens(vocab, name)) {
      root["added_tokens"].push_back(special_token(token, id));
    }
  }
  for (const std::string& name : usual_tokens(*family, config)) {
    for (const auto& [token, id] : named_tokens(vocab, name)) {
      root["added_tokens"].push_back(special_token(token, id));
    }
  }
  root["model"] = {{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", std::move(merges)}};
  return root;
}

Result<std::shared_ptr<const Tokenizer>> load_vocab_json(ModelFolder files) {
  const std::string path = files.path(kVocabJson);
  RELATA_TRY(Node root, vocab_json_root(files));
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  // RoBERTa's kind frames every text, whatever the configuration says of BOS and EOS.
  const bool frames = *family_of(config.tokenizer_class)->before != 0;
  return assemble_tokenizer(std::move(files),
                            {std::move(root), nullptr, path, "vocab.json", !frames});
}

Result<Node> vocab_txt_root(const ModelFolder& files) {
  const std::string path = files.path(kVocabText);
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  Node vocab = Node::object();
  const std::vector<std::string_view> lines = text_lines(*files.find(kVocabText));
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string place = path + ":" + std::to_string(i + 1);
    if (find_invalid_utf8(lines[i])) return input_error(place + ": not UTF-8", kDamagedHint);
    const auto [entry, added] = vocab.emplace(std::string(lines[i]), i);
    if (added) continue;
    return input_error(place + ": \"" + std::string(lines[i]) + "\" is also in line " +
                           std::to_string(entry->get<size_t>() + 1),
                       kDamagedHint);
  }
  const bool lower = config.lower_case.value_or(true);
  Node root = {{"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
               {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
               {"added_tokens", Node::array()}};
  root["normalizer"] = {{"type", "BertNormalizer"},
                        {"lowercase", lower},
                        {"strip_accents", config.strip_accents.value_or(lower)},
                        {"handle_chinese_chars", config.chinese_chars.value_or(true)}};
  root["post_processor"] = frame_template(named_tokens(vocab, config.cls.value_or("[CLS]")),
                                          named_tokens(vocab, config.sep.value_or("[SEP]")));
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    for (const auto& [token, id] : named_tokens(vocab, name)) {
      root["added_tokens"].push_back(special_token(token, id));
    }
  }
  root["model"] = {{"type", "WordPiece"},
                   {"unk_token", config.unk.value_or("[UNK]")},
                   {"vocab", std::move(vocab)}};
  return root;
}

Result<std::shared_ptr<const Tokenizer>> load_vocab_txt(ModelFolder files) {
  const std::string path = files.path(kVocabText);
  RELATA_TRY(Node root, vocab_txt_root(files));
  return assemble_tokenizer(std::move(files), {std::move(root), nullptr, path, "vocab.txt"});
}

}  // namespace relata::text
