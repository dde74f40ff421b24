#include <algorithm>

#include "relata/base/fields.h"
#include "relata/extract/pipeline.h"

namespace relata::extract {
namespace {

// What the built-in pipelines are put together from, in one language.
struct Words {
  std::string instruction;
  std::string about_relation;     // begins all questions about one relation
  std::string about_description;  // follows it where the pipeline has descriptions
  std::string about_head;
  std::string relations, relations_check;  // requests
  std::string heads, tails, pairs_of_relation, all_facts, facts_of_relations;
  std::string pairs, relations_of_pair;
  std::string possible_relations;  // precedes what asks for relations, if they are to be named
  std::string nothing, yes, no;
};

Words english() {
  Words words;
  words.instruction = "Read this text. What it says about the things it names is asked below.";
  words.about_relation = "Relation: {relation}\n";
  words.about_description = "Meaning: {description}\n";
  words.about_head = "Head: {head}\n";
  words.relations = "Which relations does the text state? One per line.";
  words.relations_check = "Does the text state this relation between two things? yes or no.";
  words.heads = "Which heads does the text give it? One per line.";
  words.tails = "Which tails does the text give this head? One per line.";
  words.pairs_of_relation = "Between what does the text state it? One \"head | tail\" per line.";
  words.all_facts = "What facts does the text state? One \"relation | head | tail\" per line.";
  words.facts_of_relations =
      "Relations: {relations}\n"
      "Which facts with these relations does the text state? One \"relation | head | tail\" per "
      "line.";
  words.pairs = "Which pairs does the text relate? One \"head | tail\" per line.";
  words.relations_of_pair =
      "Head: {head}\nTail: {tail}\n"
      "Which relations does the text state from head to tail? One per line.";
  words.possible_relations = "Possible relations: {schema}\n";
  words.nothing = "none";
  words.yes = "yes";
  words.no = "no";
  return words;
}

Words chinese() {
  Words words;
  words.instruction = "请阅读下面这段文字，然后回答有关其中事物之间联系的问题。";
  words.about_relation = "关系：{relation}\n";
  words.about_description = "含义：{description}\n";
  words.about_head = "头实体：{head}\n";
  words.relations = "文中说明了哪些关系？每行写一个。";
  words.relations_check = "文中有没有说明某两个事物之间有这种关系？回答有或没有。";
  words.heads = "文中这种关系的头实体有哪些？每行写一个。";
  words.tails = "文中这个头实体对应的尾实体有哪些？每行写一个。";
  words.pairs_of_relation = "文中哪些事物之间有这种关系？每行写一对：头实体 | 尾实体。";
  words.all_facts = "文中说明了哪些事实？每行写一条：关系 | 头实体 | 尾实体。";
  words.facts_of_relations =
      "关系：{relations}\n文中有哪些属于这些关系的事实？每行写一条：关系 | 头实体 | 尾实体。";
  words.pairs = "文中哪些事物之间有联系？每行写一对：头实体 | 尾实体。";
  words.relations_of_pair =
      "头实体：{head}\n尾实体：{tail}\n文中头实体对尾实体有哪些关系？每行写一个。";
  words.possible_relations = "可能的关系：{schema}\n";
  words.nothing = "无";
  words.yes = "有";
  words.no = "没有";
  return words;
}

StepTemplate list_step(std::string name, std::vector<std::string> inputs, std::string question,
                       std::string answer) {
  StepTemplate step;
  step.adapter = name;
  step.name = std::move(name);
  step.inputs = std::move(inputs);
  step.question = std::move(question);
  step.answer = std::move(answer);
  return step;
}

std::string named_relations(const Words& words, const BuiltinPipeline& choice) {
  return choice.names_relations ? words.possible_relations : "";
}

StepTemplate relation_step(const Words& words, const BuiltinPipeline& choice, bool described) {
  if (choice.relation_mode == "list") {
    return list_step("relation", {}, named_relations(words, choice) + words.relations,
                     "{relation}");
  }
  StepTemplate step = list_step(
      "relation", {"relation"},
      words.about_relation + (described ? words.about_description : "") + words.relations_check,
      "");
  step.check = true;
  return step;
}

void add_steps(const Words& words, const BuiltinPipeline& choice, PipelineSpec& spec) {
  const std::string& name = choice.name;
  const std::string all = "{relation} | {head} | {tail}";
  if (name == "df") {
    spec.steps.push_back(
        list_step("fact", {}, named_relations(words, choice) + words.all_facts, all));
    return;
  }
  if (name == "eprsr") {
    spec.steps.push_back(list_step("pair", {}, words.pairs, "{head} | {tail}"));
    spec.steps.push_back(list_step("relation", {"head", "tail"},
                                   named_relations(words, choice) + words.relations_of_pair,
                                   "{relation}"));
    return;
  }
  const bool described = name == "rhf";
  const std::string relation = words.about_relation + (described ? words.about_description : "");
  spec.steps.push_back(relation_step(words, choice, described));
  if (name == "drsf") {
    spec.steps.push_back(list_step("fact", {"relations"}, words.facts_of_relations, all));
  } else if (name == "drf") {
    spec.steps.push_back(
        list_step("fact", {"relation"}, relation + words.pairs_of_relation, "{head} | {tail}"));
  } else {
    spec.steps.push_back(list_step("head", {"relation"}, relation + words.heads, "{head}"));
    spec.steps.push_back(list_step("fact", {"relation", "head"},
                                   relation + words.about_head + words.tails, "{tail}"));
  }
}

// AutoRE's order: the relation, its description, the text, the request with the head.
void put_document_inside(const Words& words, PipelineSpec& spec) {
  for (StepTemplate& step : spec.steps) {
    std::string lead;
    std::string rest = step.question;
    for (const std::string& part : {words.about_relation, words.about_description}) {
      if (!rest.starts_with(part)) continue;
      lead += part;
      rest.erase(0, part.size());
    }
    step.question = lead + "{document}\n" + rest;
  }
  spec.root = "";
}

}  // namespace

std::vector<std::string> builtin_pipeline_names() {
  return {"df", "drsf", "drf", "drhf", "rhf", "eprsr"};
}

Result<PipelineSpec> builtin_pipeline(const BuiltinPipeline& choice) {
  const std::vector<std::string> names = builtin_pipeline_names();
  if (std::find(names.begin(), names.end(), choice.name) == names.end()) {
    const auto nearest = nearest_name(choice.name, names);
    return usage_error("unknown document pipeline \"" + choice.name + "\"",
                       nearest ? "did you mean \"" + *nearest + "\"?"
                               : "there are df, drsf, drf, drhf, rhf and eprsr");
  }
  if (choice.language != "en" && choice.language != "zh") {
    return usage_error("no built-in pipeline in the language \"" + choice.language + "\"",
                       "there are en and zh; others by a template file");
  }
  if (choice.relation_mode != "list" && choice.relation_mode != "score") {
    return usage_error("unknown relation mode \"" + choice.relation_mode + "\"", "list or score");
  }
  if (choice.relation_mode == "score" && (choice.name == "df" || choice.name == "eprsr")) {
    return usage_error("pipeline " + choice.name + " has no step that finds relations first",
                       "relation mode score is for drsf, drf, drhf and rhf");
  }
  const Words words = choice.language == "zh" ? chinese() : english();
  PipelineSpec spec;
  spec.name = choice.name;
  spec.instruction = words.instruction;
  spec.root = "{instruction}\n\n{document}\n\n";
  spec.nothing = words.nothing;
  spec.yes = words.yes;
  spec.no = words.no;
  add_steps(words, choice, spec);
  if (!choice.document_first) put_document_inside(words, spec);
  RELATA_CHECK(check_pipeline_spec(spec, "pipeline " + choice.name));
  return spec;
}

}  // namespace relata::extract
