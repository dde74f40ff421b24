// `relata tokenizer`: train a vocabulary, and see what a tokenizer does.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "models/hub_models.h"
#include "relata/base/log.h"
#include "relata/text/tokenizer.h"

namespace relata::app {
namespace {

struct TokenizerOptions {
  std::string folder;
  std::vector<std::string> inputs;
  std::string output;
  std::string format;  // "" reads plain lines
  bool no_special = false;
  bool keep_special = false;
  int pieces = 20;
  text::TokenizerTraining training;
};

Result<std::vector<std::string>> training_lines(const TokenizerOptions& options) {
  std::vector<std::string> lines;
  if (options.format.empty()) {
    RELATA_TRY(std::vector<InputLine> input, read_lines(options.inputs));
    for (InputLine& line : input) lines.push_back(std::move(line.text));
  } else {
    data::ReadOptions read;
    read.format = options.format == "auto" ? "" : options.format;
    RELATA_TRY(data::Dataset dataset, read_datasets(options.inputs, read));
    for (data::Document& document : dataset.documents) lines.push_back(std::move(document.text));
  }
  if (lines.empty()) return input_error("the training text is empty");
  return lines;
}

Result<int> run_train(const TokenizerOptions& options, const Context& context) {
  RELATA_TRY(const std::vector<std::string> lines, training_lines(options));
  text::TokenizerTraining training = options.training;
  if (context.threads > 0) training.threads = context.threads;
  RELATA_CHECK(text::train_tokenizer(lines, training, options.folder));
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(options.folder));
  log_info(fmt::format("{}: {} pieces from {} lines", options.folder, tokenizer->vocab_size(),
                       lines.size()));
  if (context.json) {
    RELATA_CHECK(write_result("", json_page({{"folder", options.folder},
                                             {"vocab_size", tokenizer->vocab_size()},
                                             {"lines", lines.size()}})));
  }
  return kDone;
}

Json encoding_json(const std::string& text, const std::vector<text::Token>& tokens) {
  const text::OffsetMap offsets(text);
  Json ids = Json::array();
  Json ranges = Json::array();
  for (const text::Token& token : tokens) {
    ids.push_back(token.id);
    ranges.push_back(
        {offsets.to_code_point(token.range.begin), offsets.to_code_point(token.range.end)});
  }
  return {{"ids", ids}, {"offsets", ranges}};
}

Result<int> run_encode(const TokenizerOptions& options, const Context& context) {
  RELATA_CHECK(check_places({{"the result", options.output}}, options.inputs));
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(options.folder));
  RELATA_TRY(const std::vector<InputLine> lines, read_lines(options.inputs));
  std::vector<std::string> texts;
  for (const InputLine& line : lines) {
    RELATA_TRY(const Json value, parse_json_line(line.text, line.where));
    if (!value.is_string()) {
      return input_error(fmt::format("{}: not a JSON string", line.where),
                         "write one string a line, in double quotes");
    }
    texts.push_back(value.get<std::string>());
  }
  const auto encoded = tokenizer->encode_batch(texts, !options.no_special, context.threads);
  std::string out;
  for (size_t i = 0; i < texts.size(); ++i) {
    out += json_line(encoding_json(texts[i], encoded[i])) + "\n";
  }
  RELATA_CHECK(write_result(options.output, out));
  return kDone;
}

Result<std::vector<int32_t>> parse_ids(const InputLine& line) {
  RELATA_TRY(Json value, parse_json_line(line.text, line.where));
  if (value.is_object() && value.contains("ids")) value = Json(value["ids"]);
  return json_ids(value, line.where);
}

Result<int> run_decode(const TokenizerOptions& options) {
  RELATA_CHECK(check_places({{"the result", options.output}}, options.inputs));
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(options.folder));
  RELATA_TRY(const std::vector<InputLine> lines, read_lines(options.inputs));
  std::string out;
  for (const InputLine& line : lines) {
    RELATA_TRY(const std::vector<int32_t> ids, parse_ids(line));
    for (const int32_t id : ids) {
      if (id >= 0 && id < tokenizer->vocab_size()) continue;
      return input_error(fmt::format("{}: id {} is outside the vocabulary of {}", line.where, id,
                                     tokenizer->vocab_size()));
    }
    out += json_line(tokenizer->decode(ids, !options.keep_special)) + "\n";
  }
  RELATA_CHECK(write_result(options.output, out));
  return kDone;
}

Json special_json(const text::Tokenizer& tokenizer, int32_t id) {
  if (id < 0) return nullptr;
  return {{"id", id}, {"piece", tokenizer.id_to_token(id)}};
}

Result<int> run_show(const TokenizerOptions& options, const Context& context) {
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(options.folder));
  Json pieces = Json::object();
  for (int32_t id = 0; id < std::min(options.pieces, tokenizer->vocab_size()); ++id) {
    pieces[std::to_string(id)] = tokenizer->id_to_token(id);
  }
  Json stops = Json::array();
  for (const int32_t id : tokenizer->stop_ids()) stops.push_back(special_json(*tokenizer, id));
  const Json report = {{"kind", tokenizer->kind()},
                       {"vocab_size", tokenizer->vocab_size()},
                       {"bos", special_json(*tokenizer, tokenizer->bos_id())},
                       {"eos", special_json(*tokenizer, tokenizer->eos_id())},
                       {"stops", stops},
                       {"pieces", pieces}};
  RELATA_CHECK(write_result("", context.json ? json_page(report) : json_outline(report)));
  return kDone;
}

Result<int> run_save(const TokenizerOptions& options, const Context& context) {
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(options.folder));
  RELATA_CHECK(tokenizer->save(options.output));
  log_info(fmt::format("{}: {} tokens", options.output, tokenizer->vocab_size()));
  if (context.json) {
    RELATA_CHECK(write_result(
        "", json_page({{"folder", options.output}, {"vocab_size", tokenizer->vocab_size()}})));
  }
  return kDone;
}

void add_folder_option(CLI::App& verb, TokenizerOptions& options, const std::string& what) {
  verb.add_option("DIR", options.folder, what)->required()->transform(named_model());
}

void add_stream_options(CLI::App& verb, TokenizerOptions& options) {
  verb.add_option("INPUT", options.inputs, "Files, folders, globs or - (default: stdin)");
  verb.add_option("-o,--output", options.output, "Write here instead of stdout")->type_name("OUT");
}

void add_train(CLI::App& tokenizer, Context& context) {
  auto options = std::make_shared<TokenizerOptions>();
  text::TokenizerTraining& training = options->training;
  CLI::App* verb = add_verb(
      tokenizer, "train", "Train a SentencePiece vocabulary",
      "Learns pieces from text and writes tokenizer.model and its configuration into DIR, as\n"
      "Transformers reads them. Every byte can be encoded; the vocabulary shrinks when the text\n"
      "is small.",
      {"relata tokenizer train tok/ wiki.txt --vocab-size 8000",
       "relata tokenizer train tok/ train.jsonl --format jsonl --symbols '<rel:mother>'"});
  add_folder_option(*verb, *options, "Folder to write");
  verb->add_option("INPUT", options->inputs, "Files, folders, globs or - (default: stdin)");
  verb->add_option("--format", options->format,
                   "Read documents of this format (or auto) instead of plain lines")
      ->type_name("FMT");
  verb->add_option("--vocab-size", training.vocab_size, "Pieces to learn (default: 8000)")
      ->type_name("N")
      ->check(CLI::Range(text::kLeastVocabulary, text::kLargestVocabulary));
  verb->add_option("--type", training.model_type, "unigram (default) or bpe")
      ->check(CLI::IsMember({"unigram", "bpe"}));
  verb->add_option("--coverage", training.character_coverage,
                   "Share of characters that get a piece, from 0.98 (default: 1)")
      ->type_name("P")
      ->check(number_in(NumberRange::between(text::kLeastCoverage, 1)));
  verb->add_option("--symbols", training.user_symbols, "Pieces that are never split")
      ->type_name("LIST")
      ->allow_extra_args(false)
      ->delimiter(',');
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_train(*options, context); };
  });
}

void add_encode(CLI::App& tokenizer, Context& context) {
  auto options = std::make_shared<TokenizerOptions>();
  CLI::App* verb = add_verb(
      tokenizer, "encode", "Texts to token ids",
      "Reads one JSON string a line and writes {\"ids\": [...], \"offsets\": [[begin, end], ...]}\n"
      "a line; offsets are code points. Special tokens are added as the model's own tokenizer\n"
      "does, unless --no-special.",
      {"echo '\"Paris is in France\"' | relata tokenizer encode model/",
       "relata tokenizer encode model/ --no-special texts.jsonl -o ids.jsonl"});
  add_folder_option(*verb, *options, "Model or tokenizer: a folder or a .gguf file");
  add_stream_options(*verb, *options);
  verb->add_flag("--no-special", options->no_special, "Add no BOS or EOS");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_encode(*options, context); };
  });
}

void add_decode(CLI::App& tokenizer, Context& context) {
  auto options = std::make_shared<TokenizerOptions>();
  CLI::App* verb = add_verb(
      tokenizer, "decode", "Token ids to texts",
      "Reads a list of ids, or an object with \"ids\", a line, and writes one JSON string a line.",
      {"echo '[1, 315, 42]' | relata tokenizer decode model/",
       "relata tokenizer encode model/ t.jsonl | relata tokenizer decode model/"});
  add_folder_option(*verb, *options, "Model or tokenizer: a folder or a .gguf file");
  add_stream_options(*verb, *options);
  verb->add_flag("--keep-special", options->keep_special, "Write special tokens too");
  verb->callback(
      [options, &context] { context.action = [options] { return run_decode(*options); }; });
}

void add_show(CLI::App& tokenizer, Context& context) {
  auto options = std::make_shared<TokenizerOptions>();
  CLI::App* verb =
      add_verb(tokenizer, "show", "What a tokenizer is",
               "Prints its kind, size, special tokens and first pieces.",
               {"relata tokenizer show model/", "relata tokenizer show model/ --pieces 500"});
  add_folder_option(*verb, *options, "Model or tokenizer: a folder or a .gguf file");
  verb->add_option("--pieces", options->pieces, "How many pieces to print (default: 20)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_show(*options, context); };
  });
}

void add_save(CLI::App& tokenizer, Context& context) {
  auto options = std::make_shared<TokenizerOptions>();
  CLI::App* verb = add_verb(
      tokenizer, "save", "Write a tokenizer's files",
      "Writes the tokenizer's files into OUT, so that Transformers loads it from there: of a GGUF\n"
      "file what its metadata says, of a folder its own files.",
      {"relata tokenizer save model.gguf tok/"});
  add_folder_option(*verb, *options, "Model: a folder or a .gguf file");
  verb->add_option("OUT", options->output, "Folder to write into")->required();
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_save(*options, context); };
  });
}

}  // namespace

void add_tokenizer_command(CLI::App& app, Context& context) {
  CLI::App* tokenizer =
      add_verb(app, "tokenizer", "Train a vocabulary; encode, decode, show, save",
               "Works on GGUF files and on model folders with any of the tokenizer files that\n"
               "docs/tokenizers.md lists: tokenizer.json, SentencePiece's, tiktoken's, BERT's and\n"
               "GPT-2's.",
               {"relata tokenizer train tok/ wiki.txt --vocab-size 8000",
                "echo '\"Paris is in France\"' | relata tokenizer encode tok/"});
  tokenizer->require_subcommand(1);
  add_train(*tokenizer, context);
  add_encode(*tokenizer, context);
  add_decode(*tokenizer, context);
  add_show(*tokenizer, context);
  add_save(*tokenizer, context);
  add_tokenizer_chat_command(*tokenizer, context);
}

}  // namespace relata::app
