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

std::array<PairTemplate, 5> builtins() {
  const std::vector<std::string> brackets = {"[", "]", "[", "]"};
  const std::vector<std::string> symbols = {"<h>", "</h>", "<t>", "</t>"};
  return {{
      {"cre-llm-zh", kCreInstructionZh, "rewrite", brackets, kCrePrompt, kCreAnswer, ","},
      {"cre-llm-en", kCreInstructionEn, "rewrite", brackets, kCrePrompt, kCreAnswer, ","},
      {"sentence-first-zh", kSentenceFirstInstructionZh, "none", brackets, kSentenceFirstPromptZh,
       "{relation}", "、"},
      {"sentence-first-en", kSentenceFirstInstructionEn, "none", brackets, kSentenceFirstPromptEn,
       "{relation}", "; "},
      {"marked", "", "spans", symbols, kMarkedPrompt, kMarkedAnswer, ""},
  }};
}

}  // namespace

Result<PairTemplate> parse_pair_template(std::string_view yaml, const std::string& where) {
  RELATA_TRY(const Json json, parse_yaml(yaml, where));
  if (!json.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "a template has the keys name, marking, markers, prompt, answer, joiner and "
                       "instruction");
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
