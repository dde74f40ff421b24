#include "relata/text/gguf_export.h"

#include <map>
#include <optional>
#include <vector>

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
constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kTemplateFile[] = "chat_template.jinja";

struct VocabToWrite {
  std::string model;  // tokenizer.ggml.model
  std::string pre;
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;
  std::vector<float> scores;
  std::vector<std::string> merges;
  std::optional<bool> space_prefix;
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

// llama.cpp marks where words begin, WordPiece where they go on.
Status read_wordpiece(const Node& root, const std::string& path, VocabToWrite& out) {
  out.model = "bert";
  out.pre = "default";
  const Node& model = root["model"];
  if (!model.contains("vocab") || !model["vocab"].is_object()) {
    return wrong(path, "\"vocab\" is not an object");
  }
  const std::string goes_on = model.value("continuing_subword_prefix", "##");
  const std::map<std::string, std::string> special = {
      {model.value("unk_token", "[UNK]"), "unknown"},
      {"[CLS]", "cls"},
      {"[SEP]", "seperator"},  // sic
      {"[PAD]", "padding"},
      {"[MASK]", "mask"}};
  for (const auto& [token, id] : model["vocab"].items()) {
    if (!id.is_number_integer()) return wrong(path, "an id in \"vocab\" is not a number");
    const auto named = special.find(token);
    const bool inside = token.size() > goes_on.size() && token.starts_with(goes_on);
    if (named != special.end()) {
      RELATA_CHECK(out.put(id.get<int64_t>(), token, Kind::kControl, path));
      out.special_ids.emplace_back(named->second, id.get<uint32_t>());
    } else {
      const std::string piece = inside ? token.substr(goes_on.size()) : "\u2581" + token;
      RELATA_CHECK(out.put(id.get<int64_t>(), piece, Kind::kNormal, path));
    }
  }
  return read_added_json(root, path, out);
}

Status read_pieces(const std::string& path, VocabToWrite& out) {
  RELATA_TRY(const std::string content, read_file(path));
  RELATA_TRY(const SentencePieceProto proto, parse_sentencepiece(content, path));
  if (proto.type != SentencePieceProto::kBpe) {
    return usage_error(path + ": a SentencePiece model of another kind than BPE",
                       "export the model to hf instead");
  }
  out.model = "llama";
  out.pre = "default";
  out.space_prefix = proto.add_dummy_prefix;
  out.scores.assign(out.tokens.size(), 0.0F);
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const auto& piece = proto.pieces[i];
    RELATA_CHECK(out.put(static_cast<int64_t>(i), piece.text, piece.kind, path));
    out.scores[i] = piece.score;
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

// vocab.json with merges.txt.
Status read_vocab_files(const std::string& folder, const Tokenizer& tokenizer, VocabToWrite& out) {
  RELATA_TRY(const ModelFolder files, ModelFolder::read(folder));
  RELATA_TRY(const Node root, vocab_json_root(files));
  RELATA_TRY(const TokenizerConfig config, read_tokenizer_config(files));
  const std::string path = folder + "/" + kVocabFile;
  RELATA_CHECK(read_json_vocabulary(root, path, out));
  for (const AddedToken& token : config.added) {
    const int kind = token.special ? Kind::kControl : Kind::kUserDefined;
    RELATA_CHECK(out.put(token.id, token.content, kind, path));
  }
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
                     "(tokenizer.json) and SentencePiece BPE (tokenizer.model) can; export the "
                     "model to hf instead");
}

}  // namespace

Result<GgufMetadata> gguf_tokenizer_metadata(const std::string& folder, int64_t rows) {
  VocabToWrite vocabulary;
  vocabulary.tokens.resize(static_cast<size_t>(rows));
  vocabulary.kinds.assign(static_cast<size_t>(rows), Kind::kUnused);
  const std::string json_path = folder + "/" + kJsonFile;
  Node root;
  if (file_exists(json_path)) {
    RELATA_TRY(const std::string content, read_file(json_path));
    RELATA_TRY(root, parse_node(content, json_path));
  }
  if (root.is_object() && is_byte_level(root)) {
    RELATA_CHECK(read_json_vocabulary(root, json_path, vocabulary));
  } else if (root.is_object() && is_wordpiece(root)) {
    RELATA_CHECK(read_wordpiece(root, json_path, vocabulary));
  } else if (file_exists(folder + "/" + kPieceFile)) {
    RELATA_CHECK(read_pieces(folder + "/" + kPieceFile, vocabulary));
    RELATA_CHECK(read_added(folder, vocabulary));
  } else if (file_exists(folder + "/" + kVocabFile)) {
    RELATA_TRY(const auto tokenizer, load_tokenizer(folder));
    if (!tokenizer->kind().starts_with(kVocabFile)) return no_form(folder);
    RELATA_CHECK(read_vocab_files(folder, *tokenizer, vocabulary));
  } else {
    return no_form(folder);
  }
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.kinds[i] == Kind::kUnused && vocabulary.tokens[i].empty()) {
      vocabulary.tokens[i] = "<unused row " + std::to_string(i) + ">";
    }
  }
  GgufMetadata out = written(vocabulary);
  RELATA_TRY(const auto tokenizer, load_tokenizer(folder));
  if (vocabulary.model != "bert") add_frame(*tokenizer, out);
  RELATA_TRY(const std::string chat, main_chat_template(folder));
  if (!chat.empty()) out.emplace_back("tokenizer.chat_template", chat);
  return out;
}

}  // namespace relata::text
