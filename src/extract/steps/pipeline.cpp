#include "relata/extract/pipeline.h"

#include <algorithm>
#include <set>

#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/base/trim.h"
#include "relata/text/utf8.h"
#include "variables.h"

namespace relata::extract {
namespace {

const std::vector<std::string> kQuestionPlaceholders = {
    "instruction", "document", "relation", "description", "head", "tail", "relations", "schema"};

Result<StepTemplate> step_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) {
    return usage_error(
        where + ": not a mapping of keys to values",
        "a step has the keys name, kind, for, adapter, question, answer and may_be_empty");
  }
  StepTemplate step;
  std::string kind = "list";
  Fields fields(json, where);
  fields.get("name", step.name);
  fields.get_choice("kind", kind, {"list", "check"});
  fields.get("for", step.inputs);
  fields.get("adapter", step.adapter);
  fields.get("may_be_empty", step.may_be_empty);
  fields.get("question", step.question);
  fields.get("answer", step.answer);
  RELATA_CHECK(fields.finish());
  step.check = kind == "check";
  if (step.adapter.empty()) step.adapter = step.name;
  return step;
}

// Two fields without text between them could not be told apart.
Status check_item(const StepTemplate& step, const std::string& separator,
                  const std::string& where) {
  RELATA_TRY(const auto parts,
             split_template(step.answer, where + ": answer", {"relation", "head", "tail"}));
  std::set<std::string> seen;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].placeholder) {
      if (parts[i].text.find(separator) == std::string::npos) continue;
      return usage_error(where + ": answer: the separator of items stands inside an item",
                         "write the item without it");
    }
    if (!seen.insert(parts[i].text).second) {
      return usage_error(where + ": answer: {" + parts[i].text + "} twice", "once is enough");
    }
    if (i > 0 && parts[i - 1].placeholder) {
      return usage_error(where + ": answer: nothing between {" + parts[i - 1].text + "} and {" +
                             parts[i].text + "}",
                         "put a text there that names do not have, such as \" | \"");
    }
  }
  if (!seen.empty()) return {};
  return usage_error(where + ": answer: no {relation}, {head} or {tail}",
                     "an item of an answer must give a value to one of them");
}

class SpecCheck {
 public:
  SpecCheck(const PipelineSpec& spec, std::string where) : spec_(spec), where_(std::move(where)) {}

  Status run() {
    RELATA_CHECK(check_words());
    RELATA_TRY(const auto root,
               split_template(spec_.root, where_ + ": root", {"instruction", "document"}));
    root_has_document_ = uses_placeholder(root, "document");
    if (spec_.steps.empty()) {
      return usage_error(where_ + ": no steps", "a pipeline asks at least one question");
    }
    for (size_t i = 0; i < spec_.steps.size(); ++i) RELATA_CHECK(check_step(i));
    if (known_ == kFact) return {};
    const char* missing = (known_ & kRelation) == 0U ? "relation"
                          : (known_ & kHead) == 0U   ? "head"
                                                     : "tail";
    return usage_error(where_ + ": no step gives a " + missing,
                       "a fact has a relation, a head and a tail");
  }

 private:
  Status check_words() const {
    for (const std::string* text : {&spec_.name, &spec_.instruction, &spec_.root, &spec_.nothing,
                                    &spec_.yes, &spec_.no, &spec_.separator}) {
      if (text::find_invalid_utf8(*text)) {
        return usage_error(where_ + ": not valid UTF-8", "save the template as UTF-8");
      }
    }
    if (spec_.separator.empty() || spec_.nothing.empty()) {
      return usage_error(
          where_ + ": " + (spec_.nothing.empty() ? "nothing" : "separator") + " is empty",
          "it must be a text of its own");
    }
    if (spec_.yes.empty() || spec_.no.empty() || spec_.yes == spec_.no) {
      return usage_error(where_ + ": yes and no must be two different words", "yes: yes, no: no");
    }
    return {};
  }

  Status check_step(size_t index) {
    const StepTemplate& step = spec_.steps[index];
    const std::string where =
        where_ + ": step " +
        (step.name.empty() ? std::to_string(index + 1) : "\"" + step.name + "\"");
    if (step.name.empty() || !names_.insert(step.name).second) {
      return usage_error(
          where + ": " + (step.name.empty() ? "no name" : "a second step of this name"),
          "every step has a name of its own");
    }
    RELATA_TRY(const Variables inputs, check_inputs(step, where));
    RELATA_CHECK(check_question(step, inputs, where));
    if (step.check) {
      if (!step.answer.empty()) {
        return usage_error(where + ": a check has no answer key",
                           "it is answered by the words of `yes` and `no`");
      }
      known_ |= inputs;
      return {};
    }
    RELATA_CHECK(check_item(step, spec_.separator, where));
    const Variables outputs = outputs_of(step);
    if (inputs == kRelationList) {
      known_ = outputs;  // facts begin anew
    } else if ((outputs & known_) != 0U) {
      return usage_error(where + ": answer gives a value that an earlier step has given",
                         "name it in `for` and in the question instead");
    }
    known_ |= outputs;
    return {};
  }

  Result<Variables> check_inputs(const StepTemplate& step, const std::string& where) const {
    Variables inputs = 0;
    for (const std::string& name : step.inputs) {
      const Variables variable = variable_named(name);
      if (variable == 0) {
        return usage_error(where + ": for: unknown value \"" + name + "\"",
                           "of relation, head, tail; or relations");
      }
      inputs |= variable;
    }
    const Variables needed = inputs == kRelationList ? kRelation : inputs;
    if ((inputs & kRelationList) != 0U && (inputs != kRelationList || step.check)) {
      return usage_error(where + ": for: relations goes with nothing else, and not with a check",
                         "for: [relation] asks about one after the other");
    }
    if (step.check && inputs == 0) {
      return usage_error(where + ": a check needs `for`", "for: [relation]");
    }
    if (!step.check && (needed & ~known_) != 0U) {
      return usage_error(where + ": is for a value that no earlier step gives",
                         "add a step before it whose answer has that value");
    }
    return inputs;
  }

  Status check_question(const StepTemplate& step, Variables inputs,
                        const std::string& where) const {
    RELATA_TRY(const auto parts,
               split_template(step.question, where + ": question", kQuestionPlaceholders));
    if (step.question.empty()) return usage_error(where + ": no question", "question: \"...\"");
    if (text::find_invalid_utf8(step.question) || text::find_invalid_utf8(step.answer)) {
      return usage_error(where + ": not valid UTF-8", "save the template as UTF-8");
    }
    for (const TemplatePart& part : parts) {
      const Variables variable =
          !part.placeholder ? 0
                            : variable_named(part.text == "description" ? "relation" : part.text);
      if ((variable & ~inputs) != 0U) {
        return usage_error(where + ": question: {" + part.text + "} is not what the step is for",
                           "add it to `for`");
      }
    }
    if (root_has_document_ != uses_placeholder(parts, "document")) return {};
    return usage_error(where + ": question: " +
                           (root_has_document_ ? "{document} stands in the root already"
                                               : "{document} stands neither here nor in the root"),
                       "the text is asked about once, in the root or in every question");
  }

  const PipelineSpec& spec_;
  std::string where_;
  bool root_has_document_ = false;
  Variables known_ = 0;
  std::set<std::string> names_;
};

}  // namespace

Variables variable_named(const std::string& name) {
  if (name == "relation") return kRelation;
  if (name == "head") return kHead;
  if (name == "tail") return kTail;
  return name == "relations" ? kRelationList : 0;
}

Variables inputs_of(const StepTemplate& step) {
  Variables out = 0;
  for (const std::string& name : step.inputs) out |= variable_named(name);
  return out;
}

std::vector<TemplatePart> item_parts(const StepTemplate& step) {
  return split_template(step.answer, step.name, {"relation", "head", "tail"}).value();
}

Variables outputs_of(const StepTemplate& step) {
  Variables out = 0;
  if (step.check) return out;
  for (const TemplatePart& part : item_parts(step)) {
    if (part.placeholder) out |= variable_named(part.text);
  }
  return out;
}

Status check_pipeline_spec(const PipelineSpec& pipeline, const std::string& where) {
  return SpecCheck(pipeline, where).run();
}

Status check_pipeline_schema(const PipelineSpec& pipeline, const data::Schema& schema) {
  std::set<std::string> names;
  for (const data::RelationType& type : schema.relation_types) {
    const std::string place = "relation type \"" + type.id + "\": the name \"" + type.name + "\"";
    if (type.name.empty() || type.name != trimmed(type.name) ||
        type.name.find('\n') != std::string::npos) {
      return usage_error(place + " is empty, of several lines, or has blanks around it",
                         "answers have a relation's name on one line: change it in schema.json");
    }
    if (type.name.find(pipeline.separator) != std::string::npos) {
      return usage_error(place + " holds the template's separator \"" + pipeline.separator + "\"",
                         "change one of them, in schema.json or in the template");
    }
    if (type.name == pipeline.nothing) {
      return usage_error(place + " is the template's word for nothing",
                         "change one of them, in schema.json or in the template");
    }
    if (!names.insert(type.name).second) {
      return usage_error(place + " is another one's too", "give it a name of its own");
    }
  }
  if (std::any_of(schema.relation_types.begin(), schema.relation_types.end(),
                  [](const data::RelationType& type) { return !type.negative; })) {
    return {};
  }
  return usage_error("the schema has no relation types to find", "add some to it");
}

Result<PipelineSpec> parse_pipeline(std::string_view yaml, const std::string& where) {
  RELATA_TRY(const Json json, parse_yaml(yaml, where));
  if (!json.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "a pipeline has the keys name, instruction, root, nothing, yes, no, "
                       "separator and steps");
  }
  PipelineSpec out;
  Json steps = Json::array();
  Fields fields(json, where);
  fields.get("name", out.name);
  fields.get("instruction", out.instruction);
  fields.get("root", out.root);
  fields.get("nothing", out.nothing);
  fields.get("yes", out.yes);
  fields.get("no", out.no);
  fields.get("separator", out.separator);
  fields.get("steps", steps);
  RELATA_CHECK(fields.finish());
  if (!steps.is_array()) return usage_error(where + ": steps: a list wanted", "- name: ...");
  for (size_t i = 0; i < steps.size(); ++i) {
    RELATA_TRY(StepTemplate step,
               step_from_json(steps[i], where + ": step " + std::to_string(i + 1)));
    out.steps.push_back(std::move(step));
  }
  RELATA_CHECK(check_pipeline_spec(out, where));
  return out;
}

Result<PipelineSpec> load_pipeline(const std::string& path) {
  RELATA_TRY(const std::string content, read_file(path));
  return parse_pipeline(content, path);
}

std::string pipeline_yaml(const PipelineSpec& pipeline) {
  Json json = Json::object();
  json["name"] = pipeline.name;
  json["instruction"] = pipeline.instruction;
  json["root"] = pipeline.root;
  json["nothing"] = pipeline.nothing;
  json["yes"] = pipeline.yes;
  json["no"] = pipeline.no;
  json["separator"] = pipeline.separator;
  json["steps"] = Json::array();
  for (const StepTemplate& step : pipeline.steps) {
    Json entry = Json::object();
    entry["name"] = step.name;
    entry["kind"] = step.check ? "check" : "list";
    if (!step.inputs.empty()) entry["for"] = step.inputs;
    entry["adapter"] = step.adapter;
    if (!step.may_be_empty) entry["may_be_empty"] = false;
    entry["question"] = step.question;
    if (!step.check) entry["answer"] = step.answer;
    json["steps"].push_back(std::move(entry));
  }
  return to_yaml(json);
}

}  // namespace relata::extract
