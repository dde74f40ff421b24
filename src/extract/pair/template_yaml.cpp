#include <array>

#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/extract/template.h"
#include "template_parts.h"

namespace relata::extract {
namespace {

// CRE-LLM's layout. Its own instruction comes with its data; these are ours.
constexpr const char* kCreInstructionZh =
    "阅读下面的句子，判断方括号中的头实体与尾实体之间是什么关系。";
constexpr const char* kCreInstructionEn =
    "Read the sentence below and say how the bracketed head entity relates to the tail entity.";
constexpr const char* kCrePrompt = "{instruction}\n{sentence} ([{head}],?,[{tail}])";
constexpr const char* kCreAnswer = "([{head}],{relation},[{tail}])";

// The sentence comes first and unmarked, so that all pairs of a sentence share it as their prefix.
constexpr const char* kSentenceFirstInstructionZh =
    "根据上面的句子，用一个词说明头实体对尾实体的关系。";
constexpr const char* kSentenceFirstInstructionEn =
    "According to the sentence above, name the relation from the head entity to the tail entity.";
constexpr const char* kSentenceFirstPromptZh =
    "句子：{sentence}\n{instruction}\n头实体：{head}\n尾实体：{tail}\n关系：";
constexpr const char* kSentenceFirstPromptEn =
    "Sentence: {sentence}\n{instruction}\nHead: {head}\nTail: {tail}\nRelation:";

// The pair stands before the sentence too: a causal model then reads the sentence knowing it.
constexpr const char* kMarkedPrompt =
    "<h>{head}</h><t>{tail}</t>{sentence}<h>{head}</h><t>{tail}</t>";
constexpr const char* kMarkedAnswer = "<rel:{relation}>";

// What all questions share comes first: the relations, then the examples, in which the pair is
// written as in the question.
constexpr const char* kRagInstructionEn =
    "Each sentence below marks two things, e1 and e2. Name the relation that the sentence states "
    "between them.";
constexpr const char* kRagInstructionZh =
    "下面每个句子标出了两个实体：e1 和 e2。请写出句子表达的 e1 与 e2 之间的关系。";
constexpr const char* kRagPromptEn =
    "{instruction}\nPossible relations: {relations}\n\n{examples}Sentence: {sentence}\n"
    "e1: {head}\ne2: {tail}\nRelation:";
constexpr const char* kRagExampleEn =
    "Sentence: {sentence}\ne1: {head}\ne2: {tail}\nRelation:{answer}\n\n";
constexpr const char* kRagPromptZh =
    "{instruction}\n可选的关系：{relations}\n\n{examples}句子：{sentence}\n"
    "e1：{head}\ne2：{tail}\n关系：";
constexpr const char* kRagExampleZh =
    "句子：{sentence}\ne1：{head}\ne2：{tail}\n关系：{answer}\n\n";
// RAG4RE's order (arXiv 2404.13397): the task, the question, a similar sentence, the sentence, the
// pair, and only then the relations and the form of the answer.
constexpr const char* kRag4reInstructionEn =
    "The task is to decide which relation holds between two entities of a sentence, given a list "
    "of relations.";
constexpr const char* kRag4rePromptEn =
    "{instruction}\nQuestion: which of the relations below does the sentence state from the head "
    "to "
    "the tail?\n{examples}Sentence: {sentence}\nHead: {head}\nTail: {tail}\n"
    "Relations: {relations}\nAnswer with one relation of the list and nothing else:";
constexpr const char* kRag4reExampleEn = "Similar sentence: {sentence}\n";

std::array<PairTemplate, 8> builtins() {
  const std::vector<std::string> brackets = {"[", "]", "[", "]"};
  const std::vector<std::string> symbols = {"<h>", "</h>", "<t>", "</t>"};
  const std::vector<std::string> tags = {"<e1>", "</e1>", "<e2>", "</e2>"};
  return {{
      {"cre-llm-zh", kCreInstructionZh, "rewrite", brackets, kCrePrompt, kCreAnswer, ","},
      {"cre-llm-en", kCreInstructionEn, "rewrite", brackets, kCrePrompt, kCreAnswer, ","},
      {"sentence-first-zh", kSentenceFirstInstructionZh, "none", brackets, kSentenceFirstPromptZh,
       "{relation}", "、"},
      {"sentence-first-en", kSentenceFirstInstructionEn, "none", brackets, kSentenceFirstPromptEn,
       "{relation}", "; "},
      {"marked", "", "spans", symbols, kMarkedPrompt, kMarkedAnswer, ""},
      {"rag-en", kRagInstructionEn, "spans", tags, kRagPromptEn, " {relation}", ";", kRagExampleEn},
      {"rag-zh", kRagInstructionZh, "spans", tags, kRagPromptZh, "{relation}", "、", kRagExampleZh},
      {"rag4re-en", kRag4reInstructionEn, "spans", tags, kRag4rePromptEn, " {relation}", ";",
       kRag4reExampleEn},
  }};
}

}  // namespace

Result<PairTemplate> parse_pair_template(std::string_view yaml, const std::string& where) {
  RELATA_TRY(const Json json, parse_yaml(yaml, where));
  if (!json.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "a template has the keys name, marking, markers, prompt, answer, joiner, "
                       "instruction and example");
  }
  PairTemplate out;
  Fields fields(json, where);
  fields.get("name", out.name);
  fields.get("instruction", out.instruction);
  fields.get_choice("marking", out.marking, {"none", "rewrite", "spans"});
  fields.get("markers", out.markers);
  fields.get("prompt", out.prompt);
  fields.get("answer", out.answer);
  fields.get("joiner", out.joiner);
  fields.get("example", out.example);
  RELATA_CHECK(fields.finish());
  RELATA_CHECK(check_pair_template(out, where));
  return out;
}

Result<PairTemplate> load_pair_template(const std::string& path) {
  RELATA_TRY(const std::string content, read_file(path));
  return parse_pair_template(content, path);
}

std::string pair_template_yaml(const PairTemplate& pair_template) {
  Json json = Json::object();
  json["name"] = pair_template.name;
  json["marking"] = pair_template.marking;
  json["markers"] = pair_template.markers;
  json["prompt"] = pair_template.prompt;
  json["answer"] = pair_template.answer;
  json["joiner"] = pair_template.joiner;
  json["instruction"] = pair_template.instruction;
  if (!pair_template.example.empty()) json["example"] = pair_template.example;
  return to_yaml(json);
}

std::vector<std::string> builtin_pair_template_names() {
  std::vector<std::string> names;
  for (const PairTemplate& builtin : builtins()) names.push_back(builtin.name);
  return names;
}

Result<PairTemplate> builtin_pair_template(const std::string& name) {
  std::string known;
  for (PairTemplate& builtin : builtins()) {
    if (builtin.name == name) return std::move(builtin);
    known += (known.empty() ? "" : ", ") + builtin.name;
  }
  const auto nearest = nearest_name(name, builtin_pair_template_names());
  return usage_error("unknown pair template \"" + name + "\"",
                     nearest ? "did you mean \"" + *nearest + "\"?" : "built in: " + known);
}

}  // namespace relata::extract
