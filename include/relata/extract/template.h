// Prompt templates of the pair task: text files (YAML) that users may edit.
//
//   name: cre-llm-zh
//   marking: rewrite          # none | rewrite (brackets by text replacement, as CRE-LLM) | spans
//   markers: ["[", "]", "[", "]"]     # head open, head close, tail open, tail close
//   prompt: "{instruction}\n{sentence} ([{head}],?,[{tail}])"
//   answer: "([{head}],{relation},[{tail}])"      # one relation; several are joined by `joiner`
//   joiner: ","
//   instruction: "..."
//   example: "{sentence} ([{head}],?,[{tail}])\n{answer}\n"         # of a prompt with {examples}
//
// Placeholders: {instruction}, {sentence} (marked as `marking` says), {head}, {tail}, {relation}
// (the label's name), {relations} (all names of the schema, comma-separated), {examples} (one
// `example` after the other, the best last), and in an example {answer} (its relations, written as
// an answer). A doubled brace is a literal one. Unknown placeholders are errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/data/formats.h"
#include "relata/data/schema.h"
#include "relata/extract/demonstrations.h"

namespace relata::extract {

struct PairTemplate {
  std::string name;
  std::string instruction;
  std::string marking = "spans";
  std::vector<std::string> markers = {"[", "]", "[", "]"};
  std::string prompt;
  std::string answer = "{relation}";
  std::string joiner = ",";
  std::string example = "";  // how {examples} shows one
};

// Errors name the file and the key or placeholder.
Result<PairTemplate> load_pair_template(const std::string& path);
Result<PairTemplate> parse_pair_template(std::string_view yaml, const std::string& where);
std::string pair_template_yaml(const PairTemplate& pair_template);
// Templates that ship inside the program: "cre-llm-zh", "cre-llm-en", "sentence-first-zh",
// "sentence-first-en", "marked" (for models trained from scratch: markers, head and tail before and
// after the sentence, the label as one token), "rag-en", "rag-zh" (the labels first, then labelled
// examples, then the pair), "rag4re-en" (in RAG4RE's order, arXiv 2404.13397, in our words: one
// sentence without its label, the pair, the labels last). Unknown names suggest the nearest.
Result<PairTemplate> builtin_pair_template(const std::string& name);
std::vector<std::string> builtin_pair_template_names();

// A question of the pair task and what is shown before it.
struct PairQuestion {
  const data::Document* document = nullptr;  // borrowed
  int head = 0;
  int tail = 0;
  std::vector<Demonstration> examples = {};  // in the prompt's order
};

// The prompt of one query. Its first `shared` bytes are the same for all pairs of the document
// when the template is sentence-first (0 when nothing worth sharing precedes {head}).
struct RenderedPrompt {
  std::string text;
  size_t shared = 0;
};
// With marking "spans" every mention is wrapped, overlapping ones too, and markers always nest.
Result<RenderedPrompt> render_prompt(const PairTemplate& pair_template, const data::Schema& schema,
                                     const PairQuestion& question);
// The text that {examples} puts into a prompt for one of them.
Result<std::string> render_example(const PairTemplate& pair_template, const data::Schema& schema,
                                   const Demonstration& example);
bool shows_examples(const PairTemplate& pair_template);
std::string render_answer(const PairTemplate& pair_template, const data::Schema& schema,
                          const data::Document& document, int head, int tail,
                          const std::vector<std::string>& labels);

// Strict parser: exactly the rendered form of one or several schema labels, repeated labels
// dropped. Anything else is kept in `problem` and yields the labels parsed before it.
struct ParsedAnswer {
  std::vector<std::string> labels;
  std::string problem;  // "" when the whole text parsed
};
ParsedAnswer parse_answer(const PairTemplate& pair_template, const data::Schema& schema,
                          const data::Document& document, int head, int tail,
                          std::string_view answer);

// All strings of `pair_template` that a from-scratch tokenizer should keep whole: markers of more
// than one character and, when the answer is just "<...{relation}...>", every rendered answer.
std::vector<std::string> template_symbols(const PairTemplate& pair_template,
                                          const data::Schema& schema);

}  // namespace relata::extract
