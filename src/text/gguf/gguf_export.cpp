#include "relata/text/gguf_export.h"

#include <map>
#include <optional>
#include <vector>

#include "hf/class_settings.h"
#include "hf/models/vocab_files.h"
#include "hf/stages/split_pattern.h"
#include "json_reader.h"
#include "relata/base/file.h"
#include "relata/text/tokenizer.h"
#include "sentencepiece/sentencepiece_proto.h"

namespace relata::text {
namespace {

using Kind = SentencePieceProto::Kind;  // llama.cpp's token types have the same numbers

constexpr char kJsonFile[] = "tokenizer.json";
constexpr char kPieceFile[] = "tokenizer.model";
constexpr char kVocabFile[] = "vocab.json";
constexpr char kVocabText[] = "vocab.txt";
constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kTemplateFile[] = "chat_template.jinja";

struct VocabToWrite {
  std::string model;  // tokenizer.ggml.model
  std::string pre;
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;
  std::vector<float> scores;
  std::vector<std::string> merges;
  std::optional<bool> space_prefix, lowercase, strip_accents;
  std::vector<std::pair<std::string, uint32_t>> special_ids;  // of encoders, by llama.cpp's names

  Status put(int64_t id, const std::string& token, int kind, const std::string& where) {
    const bool fits = id >= 0 && id < static_cast<int64_t>(tokens.size());
    // Models of text carry the special tokens of images; no text becomes one.
    if (!fits && id >= 0 && kind == Kind::kControl) return {};
    if (!fits) {
      return input_error(where + ": token \"" + token + "\" has id " + std::to_string(id) +
                             ", the model has " + std::to_string(tokens.size()) + " rows",
                         "the tokenizer and the weights do not belong together");
    }
    tokens[static_cast<size_t>(id)] = token;
    kinds[static_cast<size_t>(id)] = kind;
    return {};
  }
};

// The step that splits, once digits and the writing of bytes are taken away.
struct Splitting {
  bool digits = false;
  std::string pattern;
  bool other = false;  // something else is there
};

void add_step(const Node& step, Splitting& out) {
  const std::string type = step.value("type", "");
  if (type == "Sequence" && step.contains("pretokenizers") && step["pretokenizers"].is_array()) {
    for (const Node& inner : step["pretokenizers"]) add_step(inner, out);
  } else if (type == "Digits" && step.value("individual_digits", false)) {
    out.digits = true;
  } else if (type == "ByteLevel" && !step.value("add_prefix_space", false)) {
    if (step.value("use_regex", true)) out.pattern = kGpt2Pattern;
  } else if (type == "Split" && step.contains("pattern") && step["pattern"].is_object() &&
             step["pattern"].value("Regex", "") != "" && step.value("behavior", "") == "Isolated" &&
             !step.value("invert", false)) {
    out.pattern = step["pattern"]["Regex"].get<std::string>();
  } else {
    out.other = true;
  }
}

// llama.cpp's name for how the text is split; "": it has none that is known here.
std::string pre_of(const Node& root) {
  if (!root.contains("pre_tokenizer") || !root["pre_tokenizer"].is_object()) return "";
  Splitting splitting;
  add_step(root["pre_tokenizer"], splitting);
  if (splitting.other) return "";
  if (splitting.pattern == kGpt2Pattern) return splitting.digits ? "smollm" : "gpt-2";
  if (splitting.digits) return "";
  if (splitting.pattern == kQwenPattern) return "qwen2";
  return splitting.pattern == kLlama3Pattern ? "llama-bpe" : "";
}

bool is_byte_level(const Node& root) {
  const Node model = root.value("model", Node::object());
  return model.is_object() && model.value("type", "") == "BPE" &&
         !model.value("byte_fallback", false);
}

// What is done to a text before it is split: "" is nothing, "NFC" composes it.
std::string normalizer_of(const Node& root) {
  const Node normalizer = root.value("normalizer", Node());
  if (!normalizer.is_object()) return "";
  const std::string type = normalizer.value("type", "");
  const Node steps = normalizer.value("normalizers", Node());
  return type == "Sequence" && steps.is_array() && steps.empty() ? "" : type;
}

Error wrong(const std::string& path, const std::string& what) {
  return input_error(path + ": " + what, "the file is damaged; fetch the model again");
}

Status read_merges(const Node& model, const std::string& path, VocabToWrite& out) {
  if (!model.contains("merges") || !model["merges"].is_array()) {
    return wrong(path, "\"merges\" is not a list");
  }
  for (const Node& merge : model["merges"]) {
    if (merge.is_string()) {
      out.merges.push_back(merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      out.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    } else {
      return wrong(path, "a merge is not a pair of tokens");
    }
  }
  return {};
}

Status read_added_json(const Node& root, const std::string& path, VocabToWrite& out) {
  if (!root.contains("added_tokens") || !root["added_tokens"].is_array()) return {};
  for (const Node& token : root["added_tokens"]) {
    if (!token.is_object() || !token.contains("id") || !token["id"].is_number_integer()) {
      return wrong(path, "an entry of \"added_tokens\" has no id");
    }
    const int kind = token.value("special", false) ? Kind::kControl : Kind::kUserDefined;
    RELATA_CHECK(out.put(token["id"].get<int64_t>(), token.value("content", ""), kind, path));
  }
  return {};
}

Status read_json_vocabulary(const Node& root, const std::string& path, VocabToWrite& out) {
  out.model = "gpt2";
  out.pre = pre_of(root);
  if (out.pre.empty()) {
    return usage_error(path + ": llama.cpp has no name that is known here for how it splits text",
                       "byte-level BPE as of GPT-2, SmolLM, Qwen2 and Llama-3 can be written");
  }
  // llama.cpp changes no text before it is split. Its name for Qwen's way is read with the
  // composing that goes with it; what splits so and does not compose has another one.
  const std::string normalizer = normalizer_of(root);
  if (out.pre == "qwen2" && normalizer.empty()) out.pre = "deepseek-r1-qwen";
  if (!normalizer.empty() && !(normalizer == "NFC" && out.pre == "qwen2")) {
    return usage_error(path + ": its \"normalizer\" changes texts, which llama.cpp does not",
                       "export the model to hf instead");
  }
  const Node& model = root["model"];
  if (!model.contains("vocab") || !model["vocab"].is_object()) {
    return wrong(path, "\"vocab\" is not an object");
  }
  for (const auto& [token, id] : model["vocab"].items()) {
    if (!id.is_number_integer()) return wrong(path, "an id in \"vocab\" is not a number");
    RELATA_CHECK(out.put(id.get<int64_t>(), token, Kind::kNormal, path));
  }
  RELATA_CHECK(read_merges(model, path, out));
  return read_added_json(root, path, out);
}

bool is_wordpiece(const Node& root) {
  const Node model = root.value("model", Node::object());
  return model.is_object() && model.value("type", "") == "WordPiece";
}

// The steps that llama.cpp's WordPiece has built in.
Status check_wordpiece_steps(const Node& root, const std::string& path) {
  const auto step = [&](const char* name) {
    const Node node = root.value(name, Node());
    return node.is_object() ? node : Node::object();
  };
  const Node normalizer = step("normalizer");
  if (normalizer.value("type", "") == "BertNormalizer" &&
      normalizer.value("handle_chinese_chars", true) && normalizer.value("clean_text", true) &&
      step("pre_tokenizer").value("type", "") == "BertPreTokenizer") {
    return {};
  }
  return usage_error(path + ": llama.cpp's WordPiece takes text apart as BERT does, this otherwise",
                     "export the model to hf instead");
}

// Whether letters are put into lower case, and lose their accents. Without these keys, which older
// versions pass over, both are meant.
void add_normalizer(const Node& normalizer, VocabToWrite& out) {
  const bool lower = normalizer.value("lowercase", true);
  const Node accents = normalizer.value("strip_accents", Node());
  out.lowercase = lower;
  out.strip_accents = accents.is_boolean() ? accents.get<bool>() : lower;
}

// llama.cpp marks where words begin, WordPiece where they go on.
Status read_wordpiece(const Node& root, const std::string& path, const Tokenizer& tokenizer,
                      VocabToWrite& out) {
  RELATA_CHECK(check_wordpiece_steps(root, path));
  out.model = "bert";
  out.pre = "default";
  add_normalizer(root["normalizer"], out);
  const Node& model = root["model"];
  if (!model.contains("vocab") || !model["vocab"].is_object()) {
    return wrong(path, "\"vocab\" is not an object");
  }
  const std::vector<int32_t> frame = tokenizer.encode_ids("", true);
  if (frame.size() != 2) {
    return usage_error(path + ": llama.cpp puts one token before a text and one behind it, this " +
                           std::to_string(frame.size()) + " in all",
                       "export the model to hf instead");
  }
  out.special_ids = {{"cls", static_cast<uint32_t>(frame.front())},
                     {"seperator", static_cast<uint32_t>(frame.back())}};  // sic
  const std::string goes_on = model.value("continuing_subword_prefix", "##");
  const std::string unknown = model.value("unk_token", "[UNK]");
  const std::map<std::string, std::string> named = {
      {unknown, "unknown"}, {"[PAD]", "padding"}, {"[MASK]", "mask"}};
  for (const auto& [token, id] : model["vocab"].items()) {
    if (!id.is_number_integer()) return wrong(path, "an id in \"vocab\" is not a number");
    const auto number = id.get<int32_t>();
    const auto name = named.find(token);
    if (name != named.end()) {
      out.special_ids.emplace_back(name->second, static_cast<uint32_t>(number));
    }
    if (name != named.end() || number == frame.front() || number == frame.back() ||
        tokenizer.is_special(number)) {
      RELATA_CHECK(out.put(number, token, Kind::kControl, path));
    } else {
      const bool inside = token.size() > goes_on.size() && token.starts_with(goes_on);
      const std::string piece = inside ? token.substr(goes_on.size()) : "\u2581" + token;
      RELATA_CHECK(out.put(number, piece, Kind::kNormal, path));
    }
  }
  return read_added_json(root, path, out);
}

Status read_pieces(const std::string& folder, const Tokenizer& tokenizer, VocabToWrite& out) {
  const std::string path = folder + "/" + kPieceFile;
  RELATA_TRY(const std::string content, read_file(path));
  RELATA_TRY(const SentencePieceProto proto, parse_sentencepiece(content, path));
  if (proto.type != SentencePieceProto::kBpe) {
    return usage_error(path + ": a SentencePiece model of another kind than BPE",
                       "export the model to hf instead");
  }
  if (!proto.charsmap.empty() || proto.remove_extra_whitespaces || proto.space_as_suffix) {
    return usage_error(path + ": its rules of normalisation change texts, which llama.cpp does not",
                       "export the model to hf instead");
  }
  out.model = "llama";
  out.pre = "default";
  out.space_prefix = proto.add_dummy_prefix;
  // The configuration counts for a tokenizer that is this file alone.
  if (tokenizer.kind().starts_with("sentencepiece")) {
    RELATA_TRY(const ModelFolder files, ModelFolder::read(folder));
    RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
    out.space_prefix = proto.add_dummy_prefix && config.prefix_space.value_or(true);
  }
  out.scores.assign(out.tokens.size(), 0.0F);
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const auto& piece = proto.pieces[i];
    RELATA_CHECK(out.put(static_cast<int64_t>(i), piece.text, piece.kind, path));
    if (i < out.scores.size()) out.scores[i] = piece.score;
  }
  return {};
}

// Tokens that were added beside SentencePiece's file.
Status read_added(const std::string& folder, VocabToWrite& out) {
  const std::string path = folder + "/" + kConfigFile;
  if (!file_exists(path)) return {};
  RELATA_TRY(const Json config, read_json(path));
  if (!config.is_object() || !config.contains("added_tokens_decoder") ||
      !config["added_tokens_decoder"].is_object()) {
    return {};
  }
  for (const auto& [number, token] : config["added_tokens_decoder"].items()) {
    const bool good = !number.empty() && number.size() < 10 &&
                      number.find_first_not_of("0123456789") == std::string::npos &&
                      token.is_object() && token.contains("content") &&
                      token["content"].is_string();
    if (!good) return wrong(path, "an entry of \"added_tokens_decoder\" is not a token");
    const int64_t id = std::stoll(number);
    const bool special = token.contains("special") && token["special"] == true;
    if (id < std::ssize(out.kinds) && out.kinds[static_cast<size_t>(id)] == Kind::kUnknown) {
      continue;  // it stays the unknown piece
    }
    RELATA_CHECK(out.put(id, token["content"].get<std::string>(),
                         special ? Kind::kControl : Kind::kUserDefined, path));
  }
  return {};
}

// Tokens that a folder's configuration adds to its vocabulary.
Status read_config_added(const ModelFolder& files, const std::string& path, VocabToWrite& out) {
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  for (const AddedToken& token : config.added) {
    const int kind = token.special ? Kind::kControl : Kind::kUserDefined;
    RELATA_CHECK(out.put(token.id, token.content, kind, path));
  }
  return {};
}

Status read_vocab_txt(const std::string& folder, const Tokenizer& tokenizer, VocabToWrite& out) {
  RELATA_TRY(const ModelFolder files, ModelFolder::read(folder));
  RELATA_TRY(const Node root, vocab_txt_root(files));
  const std::string path = folder + "/" + kVocabText;
  RELATA_CHECK(read_wordpiece(root, path, tokenizer, out));
  return read_config_added(files, path, out);
}

// vocab.json with merges.txt.
Status read_vocab_files(const std::string& folder, const Tokenizer& tokenizer, VocabToWrite& out) {
  RELATA_TRY(const ModelFolder files, ModelFolder::read(folder));
  RELATA_TRY(const Node root, vocab_json_root(files));
  const std::string path = folder + "/" + kVocabFile;
  RELATA_CHECK(read_json_vocabulary(root, path, out));
  RELATA_CHECK(read_config_added(files, path, out));
  // The configuration says by name which tokens are special.
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    const bool known = out.kinds[i] != Kind::kUnused;
    if (known && tokenizer.is_special(static_cast<int32_t>(i))) out.kinds[i] = Kind::kControl;
  }
  return {};
}

Result<std::string> main_chat_template(const std::string& folder) {
  if (file_exists(folder + "/" + kTemplateFile)) return read_file(folder + "/" + kTemplateFile);
  if (!file_exists(folder + "/" + kConfigFile)) return std::string();
  RELATA_TRY(const Json config, read_json(folder + "/" + kConfigFile));
  if (!config.is_object() || !config.contains("chat_template")) return std::string();
  const Json& value = config["chat_template"];
  return value.is_string() ? value.get<std::string>() : std::string();
}

GgufMetadata written(const VocabToWrite& v) {
  GgufMetadata out = {{"tokenizer.ggml.model", v.model},
                      {"tokenizer.ggml.pre", v.pre},
                      {"tokenizer.ggml.tokens", v.tokens},
                      {"tokenizer.ggml.token_type", v.kinds}};
  if (!v.scores.empty()) out.emplace_back("tokenizer.ggml.scores", v.scores);
  if (!v.merges.empty()) out.emplace_back("tokenizer.ggml.merges", v.merges);
  if (v.space_prefix) out.emplace_back("tokenizer.ggml.add_space_prefix", *v.space_prefix);
  if (v.lowercase) out.emplace_back("tokenizer.ggml.normalizer.lowercase", *v.lowercase);
  if (v.strip_accents) {
    out.emplace_back("tokenizer.ggml.normalizer.strip_accents", *v.strip_accents);
  }
  for (const auto& [name, id] : v.special_ids) {
    out.emplace_back("tokenizer.ggml." + name + "_token_id", id);
    // llama.cpp puts what it calls BOS before a text.
    if (name == "cls") out.emplace_back("tokenizer.ggml.bos_token_id", id);
  }
  return out;
}

// Which ids stand around a text is asked of the tokenizer itself.
void add_frame(const Tokenizer& tokenizer, GgufMetadata& out) {
  const std::vector<int32_t> ids = tokenizer.encode_ids("a", true);
  const int32_t bos = tokenizer.bos_id(), eos = tokenizer.eos_id();
  if (bos >= 0) {
    out.emplace_back("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(bos));
    out.emplace_back("tokenizer.ggml.add_bos_token", !ids.empty() && ids.front() == bos);
  } else {
    out.emplace_back("tokenizer.ggml.add_bos_token", false);
  }
  if (eos >= 0) {
    out.emplace_back("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(eos));
    out.emplace_back("tokenizer.ggml.add_eos_token", !ids.empty() && ids.back() == eos);
  }
}

Error no_form(const std::string& folder) {
  return usage_error(folder + ": a tokenizer of this kind cannot be written into a GGUF file",
                     "byte-level BPE (tokenizer.json, or vocab.json with merges.txt), WordPiece "
                     "(tokenizer.json, or vocab.txt) and SentencePiece BPE (tokenizer.model) can; "
                     "export the model to hf instead");
}

}  // namespace

Result<GgufMetadata> gguf_tokenizer_metadata(const std::string& folder, int64_t rows) {
  VocabToWrite vocabulary;
  vocabulary.tokens.resize(static_cast<size_t>(rows));
  vocabulary.kinds.assign(static_cast<size_t>(rows), Kind::kUnused);
  RELATA_TRY(const auto tokenizer, find_tokenizer(folder));
  if (tokenizer == nullptr) {
    return usage_error(folder + ": it has no tokenizer, which a GGUF file holds",
                       "put the tokenizer's files beside the weights, or export the model to hf");
  }
  const std::string json_path = folder + "/" + kJsonFile;
  Node root;
  if (file_exists(json_path)) {
    RELATA_TRY(const std::string content, read_file(json_path));
    RELATA_TRY(root, parse_node(content, json_path));
    RELATA_TRY(const ModelFolder files, ModelFolder::read(folder));
    RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
    apply_class_settings(config, root);
  }
  if (root.is_object() && is_byte_level(root)) {
    RELATA_CHECK(read_json_vocabulary(root, json_path, vocabulary));
  } else if (root.is_object() && is_wordpiece(root)) {
    RELATA_CHECK(read_wordpiece(root, json_path, *tokenizer, vocabulary));
  } else if (file_exists(folder + "/" + kPieceFile)) {
    RELATA_CHECK(read_pieces(folder, *tokenizer, vocabulary));
    RELATA_CHECK(read_added(folder, vocabulary));
  } else if (tokenizer->kind().starts_with(kVocabFile)) {
    RELATA_CHECK(read_vocab_files(folder, *tokenizer, vocabulary));
  } else if (tokenizer->kind().starts_with(kVocabText)) {
    RELATA_CHECK(read_vocab_txt(folder, *tokenizer, vocabulary));
  } else {
    return no_form(folder);
  }
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.kinds[i] == Kind::kUnused && vocabulary.tokens[i].empty()) {
      vocabulary.tokens[i] = "<unused row " + std::to_string(i) + ">";
    }
  }
  GgufMetadata out = written(vocabulary);
  if (vocabulary.model != "bert") add_frame(*tokenizer, out);
  RELATA_TRY(const std::string chat, main_chat_template(folder));
  if (!chat.empty()) out.emplace_back("tokenizer.chat_template", chat);
  return out;
}

}  // namespace relata::text
