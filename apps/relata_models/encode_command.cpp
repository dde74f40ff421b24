// `relata encode`: texts in, vectors out; pairs of texts in, scores out.
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <span>

#include "commands.h"
#include "encoder_options.h"
#include "engine_options.h"
#include "help.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "models/hub_models.h"
#include "relata/base/progress.h"
#include "relata/retrieve/cross_encoder.h"

namespace relata::app {
namespace {

struct EncodeOptions {
  EncoderFlags encoder;
  std::string role = "passage";
  std::vector<std::string> inputs;
  std::string output;
};

Result<std::string> text_of(const RequestLine& line, const char* key) {
  const auto found = line.value.find(key);
  if (found == line.value.end() || !found->is_string()) {
    return input_error(fmt::format("{}: no text \"{}\"", line.where, key),
                       "write lines like {\"text\": \"...\"}, for a cross-encoder with \"pair\"");
  }
  return found->get<std::string>();
}

// Finite numbers, with as many digits as tell one float from the next.
std::string number_list(std::span<const float> values) {
  std::string out = "[";
  char digits[32];
  for (const float value : values) {
    if (out.size() > 1) out += ",";
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  return out + "]";
}

// The line's id, if it has one, and the answer.
std::string answer_line(const RequestLine& line, const char* key, const std::string& answer) {
  std::string out = "{";
  if (line.value.contains("id")) out += "\"id\":" + json_line(line.value["id"]) + ",";
  return out + "\"" + key + "\":" + answer + "}\n";
}

Result<std::string> encode_texts(const EncodeOptions& options,
                                 const std::vector<RequestLine>& lines, const Context& context) {
  std::vector<std::string> texts;
  for (const RequestLine& line : lines) {
    if (line.value.contains("pair")) {
      return input_error(line.where + ": a \"pair\" behind lines without one",
                         "encode single texts and pairs in runs of their own");
    }
    RELATA_TRY(std::string text, text_of(line, "text"));
    texts.push_back(std::move(text));
  }
  RELATA_TRY(const auto encoder, context.open_encoder(encoder_options(options.encoder)));
  Progress progress("encoding", static_cast<int64_t>(texts.size()), "texts");
  auto made = encoder->encode(
      texts, options.role == "query" ? retrieve::TextRole::Query : retrieve::TextRole::Passage,
      [&](size_t done) { progress.update(static_cast<int64_t>(done)); });
  progress.finish();
  RELATA_TRY(const retrieve::Vectors vectors, std::move(made));
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    out += answer_line(lines[i], "vector", number_list(vectors.row(i)));
  }
  return out;
}

Result<std::string> score_pairs(const EncodeOptions& options,
                                const std::vector<RequestLine>& lines) {
  std::vector<retrieve::TextPair> pairs;
  for (const RequestLine& line : lines) {
    RELATA_TRY(std::string first, text_of(line, "text"));
    RELATA_TRY(std::string second, text_of(line, "pair"));
    pairs.push_back({std::move(first), std::move(second)});
  }
  RELATA_TRY(const auto encoder,
             retrieve::make_cross_encoder(
                 {options.encoder.model, options.encoder.dtype, options.encoder.max_tokens}));
  RELATA_TRY(const std::vector<float> scores, encoder->score(pairs));
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string list = number_list({&scores[i], 1});
    out += answer_line(lines[i], "score", list.substr(1, list.size() - 2));
  }
  return out;
}

Result<int> run_encode(const EncodeOptions& options, const Context& context) {
  RELATA_CHECK(check_device(context));
  RELATA_CHECK(check_places({{"the result", options.output}}, options.inputs));
  RELATA_TRY(const auto lines, read_requests(options.inputs, R"({"text": "..."})"));
  const bool pairs = !lines.empty() && lines.front().value.contains("pair");
  RELATA_TRY(const std::string out,
             pairs ? score_pairs(options, lines) : encode_texts(options, lines, context));
  RELATA_CHECK(write_result(options.output, out));
  return kDone;
}

}  // namespace

void add_encode_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<EncodeOptions>();
  CLI::App* verb = add_verb(
      app, "encode", "Texts as vectors",
      "Reads one JSON object a line, {\"text\": \"...\"}, and writes {\"vector\": [...]} for "
      "each,\n"
      "as the model's folder says: its pooling, its length, its prompts before queries and\n"
      "passages. With a cross-encoder lines are {\"text\": \"...\", \"pair\": \"...\"} and "
      "answers\n"
      "{\"score\": ...}, its output as it is. An \"id\" is kept.",
      {"relata encode -m models/all-minilm-l6-v2 texts.jsonl -o vectors.jsonl",
       "echo '{\"text\": \"who founded it?\"}' | relata encode -m model/ --as query"});
  verb->add_option("-m,--model", options->encoder.model,
                   "An encoder: a folder, or a .gguf file of BERT's kind")
      ->required()
      ->transform(named_model())
      ->type_name("MODEL");
  add_encoder_flags(*verb, options->encoder);
  verb->add_option("--as", options->role, "What the texts are: passage (default) or query")
      ->type_name("ROLE")
      ->check(CLI::IsMember({"passage", "query"}));
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->add_option("INPUT", options->inputs, "JSONL files, folders, globs or - (default: stdin)");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_encode(*options, context); };
  });
}

}  // namespace relata::app
