#include <sentencepiece_trainer.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "hf/models/unigram_json.h"
#include "hf/models/vocabulary.h"
#include "relata/base/file.h"
#include "relata/text/tokenizer.h"

namespace relata::text {
namespace {

constexpr std::array<const char*, 3> kControlPieces = {"<unk>", "<s>", "</s>"};

// SentencePiece drops lines that are longer than its limit, so the limit is the longest line.
constexpr size_t kShortestLimit = 4192;

constexpr const char* kBlank = "\u2581";     // stands for a blank in pieces
constexpr const char* kReserved = "\u2585";  // SentencePiece passes over lines that have it

class LineIterator : public sentencepiece::SentenceIterator {
 public:
  explicit LineIterator(const std::vector<std::string>& lines) : lines_(lines) {}
  bool done() const override { return next_ >= lines_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return lines_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& lines_;
  size_t next_ = 0;
};

Status check_symbol(const std::string& symbol) {
  const std::string shown = "user symbol \"" + replace_invalid_utf8(symbol) + "\"";
  if (symbol.empty()) return usage_error("an empty user symbol");
  if (find_invalid_utf8(symbol)) return usage_error(shown + " is not valid UTF-8");
  if (symbol.find_first_of(" \t\r\n") != std::string::npos || symbol.find('\0') != symbol.npos) {
    return usage_error(shown + " has white space", "use - or _ in its place");
  }
  if (std::count(kControlPieces.begin(), kControlPieces.end(), symbol) > 0 || symbol == kBlank ||
      token_byte(symbol) >= 0) {
    return usage_error(shown + " is a piece of every vocabulary", "leave it out");
  }
  return {};
}

Status check_options(const TokenizerTraining& options) {
  if (options.model_type != "unigram" && options.model_type != "bpe") {
    return usage_error("tokenizer model_type \"" + options.model_type + "\" is unknown",
                       "use unigram or bpe");
  }
  if (options.vocab_size < kLeastVocabulary || options.vocab_size > kLargestVocabulary) {
    return usage_error(
        "tokenizer vocab_size " + std::to_string(options.vocab_size) + " is out of range",
        "use 300 to 1000000");
  }
  if (!(options.character_coverage >= kLeastCoverage && options.character_coverage <= 1.0)) {
    return usage_error("tokenizer character_coverage is out of range", "use 0.98 to 1");
  }
  if (options.threads < 1 || options.threads > 128) {
    return usage_error("tokenizer threads is out of range", "use 1 to 128");
  }
  for (const auto& symbol : options.user_symbols) RELATA_CHECK(check_symbol(symbol));
  return {};
}

// Lines with something to learn from; the trainer aborts the process when there are none, or no
// blank that is not a part of a symbol.
Result<std::vector<std::string>> usable_lines(const std::vector<std::string>& lines,
                                              const std::vector<std::string>& symbols) {
  std::vector<std::string> usable;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (find_invalid_utf8(lines[i])) {
      return input_error("training text, line " + std::to_string(i + 1) + ": not valid UTF-8",
                         "convert the text to UTF-8 first");
    }
    const bool blank = lines[i].find_first_not_of(" \t\r\n") == std::string::npos;
    const bool reserved =
        lines[i].find('\0') != std::string::npos || lines[i].find(kReserved) != std::string::npos;
    if (!blank && !reserved) usable.push_back(lines[i]);
  }
  if (usable.empty()) {
    return input_error("no text to train a tokenizer on",
                       "lines that are blank, or hold U+0000 or U+2585, do not count");
  }
  const bool blanks = std::any_of(usable.begin(), usable.end(), [](const std::string& line) {
    return line.find(' ') != std::string::npos;
  });
  const bool taken = std::any_of(symbols.begin(), symbols.end(), [](const std::string& symbol) {
    return symbol.find(kBlank) != std::string::npos;
  });
  // BPE cannot require a character that never occurs.
  if (!blanks || taken) usable.emplace_back(" ");
  return usable;
}

std::vector<std::string> unique_symbols(const std::vector<std::string>& symbols) {
  std::vector<std::string> unique;
  std::unordered_set<std::string> seen;
  for (const auto& symbol : symbols) {
    if (seen.insert(symbol).second) unique.push_back(symbol);
  }
  return unique;
}

// The trainer reads a list as one line of CSV.
std::string to_csv(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ',';
    out += '"';
    for (const char c : item) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    out += '"';
  }
  return out;
}

std::unordered_map<std::string, std::string> trainer_flags(const TokenizerTraining& options,
                                                           const std::vector<std::string>& symbols,
                                                           size_t longest) {
  return {
      {"model_type", options.model_type},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"character_coverage", std::to_string(options.character_coverage)},
      {"num_threads", std::to_string(options.threads)},
      {"user_defined_symbols", to_csv(symbols)},
      {"max_sentence_length", std::to_string(std::max(kShortestLimit, longest + 1))},
      {"byte_fallback", "true"},
      // Blanks are this piece: made of bytes they would come back as the sign. Text may have so few
      // that character_coverage leaves them out.
      {"required_chars", kBlank},
      {"hard_vocab_limit", "false"},
      {"split_digits", "true"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      // Text has to come back as it was: nothing is folded, dropped or put in front.
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"add_dummy_prefix", "false"},
      {"minloglevel", "2"},
  };
}

Json added_token(const std::string& content, bool special) {
  return {{"content", content}, {"lstrip", false},      {"normalized", false},
          {"rstrip", false},    {"single_word", false}, {"special", special}};
}

Json config_json(const std::vector<std::string>& symbols, bool unigram) {
  Json added = Json::object();
  for (size_t id = 0; id < kControlPieces.size(); ++id) {
    added[std::to_string(id)] = added_token(kControlPieces[id], true);
  }
  // User symbols follow the control pieces in the vocabulary.
  for (size_t i = 0; i < symbols.size(); ++i) {
    added[std::to_string(kControlPieces.size() + i)] = added_token(symbols[i], false);
  }
  // From Transformers 5 on, LlamaTokenizer takes every model for BPE.
  return {{"tokenizer_class", unigram ? "PreTrainedTokenizerFast" : "LlamaTokenizer"},
          {"add_bos_token", true},
          {"add_eos_token", false},
          {"add_prefix_space", false},
          {"legacy", false},
          {"bos_token", "<s>"},
          {"eos_token", "</s>"},
          {"unk_token", "<unk>"},
          {"pad_token", nullptr},
          {"clean_up_tokenization_spaces", false},
          {"sp_model_kwargs", Json::object()},
          {"added_tokens_decoder", std::move(added)}};
}

// Files that would be read together with the new ones, and would contradict them.
Status check_folder(const std::string& folder, bool unigram) {
  for (const char* name : {"tokenizer.json", "added_tokens.json"}) {
    const std::string path = folder + "/" + name;
    const bool replaced = unigram && name == std::string_view("tokenizer.json");
    if (replaced || !file_exists(path)) continue;
    return usage_error(path + " belongs to another tokenizer", "train into an empty folder");
  }
  return {};
}

// Of what SentencePiece says. A vocabulary that is too small for the text shows when its characters
// have been counted.
Error training_error(const std::string& said, const TokenizerTraining& options) {
  constexpr std::string_view kTooSmall = "smaller than required_chars. ";
  const size_t found = said.find(kTooSmall);
  const size_t versus = said.find(" vs ", found);
  if (found == std::string::npos || versus == std::string::npos) {
    return usage_error("tokenizer training failed: " + said,
                       "try another vocab_size, or other text");
  }
  const std::string wanted = said.substr(versus + 4, said.find('.', versus) - versus - 4);
  const bool all = options.character_coverage > kLeastCoverage;
  return usage_error(
      "tokenizer vocab_size " + std::to_string(options.vocab_size) +
          " is too small: the text's characters, bytes and symbols are " + wanted,
      "use at least " + wanted + (all ? ", or a lower character_coverage (0.98 at least)" : ""));
}

}  // namespace

Status train_tokenizer(const std::vector<std::string>& lines, const TokenizerTraining& options,
                       const std::string& folder) {
  RELATA_CHECK(check_options(options));
  const bool unigram = options.model_type == "unigram";
  RELATA_CHECK(check_folder(folder, unigram));
  const auto symbols = unique_symbols(options.user_symbols);
  RELATA_TRY(const auto usable, usable_lines(lines, symbols));
  size_t longest = 0;
  for (const auto& line : usable) longest = std::max(longest, line.size());

  std::string model;
  LineIterator iterator(usable);
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      trainer_flags(options, symbols, longest), &iterator, &model);
  if (!status.ok()) return training_error(status.ToString(), options);
  RELATA_CHECK(make_folders(folder));
  RELATA_CHECK(write_file_atomic(folder + "/tokenizer.model", model));
  if (unigram) {
    RELATA_TRY(const Json converted, unigram_tokenizer_json(model));
    RELATA_CHECK(write_json(folder + "/tokenizer.json", converted, -1));
  }
  RELATA_CHECK(write_json(folder + "/tokenizer_config.json", config_json(symbols, unigram)));
  return write_json(folder + "/special_tokens_map.json",
                    {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}});
}

}  // namespace relata::text
