#include <algorithm>

#include "pair/template_parts.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/extract/icl.h"
#include "relata/text/utf8.h"

namespace relata::extract {
namespace {

constexpr IclTask kTasks[] = {IclTask::kNer, IclTask::kRe, IclTask::kEd, IclTask::kEae};

using Names = std::vector<std::string>;

Names with_event(IclTask task, Names names) {
  if (task == IclTask::kEae) names.insert(names.end(), {"event", "trigger"});
  return names;
}

Status check_item(const IclTaskTemplate& task, bool relation, const std::string& where) {
  const Names wanted = relation ? Names{"label", "head", "tail"} : Names{"label", "span"};
  RELATA_TRY(const auto parts, split_template(task.item, where + ": item", wanted));
  for (const std::string& name : wanted) {
    const auto count = std::count_if(parts.begin(), parts.end(), [&](const TemplatePart& part) {
      return part.placeholder && part.text == name;
    });
    if (count != 1) {
      return usage_error(where + ": item: {" + name + "} " + (count == 0 ? "missing" : "twice"),
                         "an item has each of its fields once");
    }
  }
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i].placeholder && parts[i + 1].placeholder) {
      return usage_error(
          where + ": item: {" + parts[i].text + "} touches {" + parts[i + 1].text + "}",
          "put a text between them, such as \": \"");
    }
  }
  return {};
}

Status check_task(IclTask task, const IclTaskTemplate& lines, const std::string& where) {
  RELATA_TRY(const auto prompt,
             split_template(lines.prompt, where + ": prompt",
                            with_event(task, {"instruction", "labels", "examples", "text"})));
  RELATA_TRY(const auto example, split_template(lines.example, where + ": example",
                                                with_event(task, {"text", "answer"})));
  if (!uses_placeholder(prompt, "text")) {
    return usage_error(where + ": prompt: no {text}", "a prompt holds the text that it is about");
  }
  if (uses_placeholder(prompt, "examples") != !lines.example.empty()) {
    return usage_error(where + ": {examples} in the prompt and the key example go together",
                       "example says how {examples} shows each of them");
  }
  if (!lines.example.empty() &&
      (!uses_placeholder(example, "text") || !uses_placeholder(example, "answer"))) {
    return usage_error(where + ": example: {text} and {answer} are wanted",
                       "an example is a text with its answer");
  }
  return check_item(lines, task == IclTask::kRe, where);
}

Result<IclTaskTemplate> task_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "a task has the keys instruction, prompt, example and item");
  }
  IclTaskTemplate out;
  Fields fields(json, where);
  fields.get("instruction", out.instruction);
  fields.get("prompt", out.prompt);
  fields.get("example", out.example);
  fields.get("item", out.item);
  RELATA_CHECK(fields.finish());
  return out;
}

// A built-in template's words.
struct Words {
  std::string instruction[4];
  std::string text, answer;    // before them
  std::string event, trigger;  // before them
};

IclTemplate builtin(const std::string& name, const Words& words, const std::string& space) {
  IclTemplate out;
  out.name = name;
  out.nothing = space + (space.empty() ? "无" : "none");
  out.separator = space.empty() ? "；" : ";";
  for (const IclTask task : kTasks) {
    IclTaskTemplate& lines = out.tasks[task];
    lines.instruction = words.instruction[static_cast<int>(task)];
    std::string question = words.text + "{text}\n";
    if (task == IclTask::kEae) {
      question += words.event + "{event}\n" + words.trigger + "{trigger}\n";
    }
    lines.prompt = "{instruction}\n{labels}\n\n{examples}" + question + words.answer;
    lines.example = question + words.answer + "{answer}\n\n";
    lines.item = space + (task == IclTask::kRe ? "{label}: {head} | {tail}" : "{label}: {span}");
  }
  return out;
}

IclTemplate english() {
  Words words;
  words.instruction[0] =
      "List the entities that each text names, each with its type, as the text spells them.";
  words.instruction[1] =
      "List the relations that each text states, each with its head and its tail as the text "
      "spells them.";
  words.instruction[2] =
      "List the events that each text tells of, each as its type and the word of the text that "
      "says so.";
  words.instruction[3] =
      "For the event of each text, list who and what takes part in it, each with its role, as the "
      "text spells them.";
  words.text = "Text: ";
  words.answer = "Answer:";
  words.event = "Event: ";
  words.trigger = "Trigger: ";
  return builtin("icl-en", words, " ");
}

IclTemplate chinese() {
  Words words;
  words.instruction[0] = "列出每段文字中的实体及其类型，写法与原文一致。";
  words.instruction[1] = "列出每段文字陈述的关系，以及关系的头实体和尾实体，写法与原文一致。";
  words.instruction[2] = "列出每段文字叙述的事件：事件类型和原文中表示该事件的词。";
  words.instruction[3] = "针对每段文字中的事件，列出参与者及其角色，写法与原文一致。";
  words.text = "文字：";
  words.answer = "回答：";
  words.event = "事件：";
  words.trigger = "触发词：";
  return builtin("icl-zh", words, "");
}

}  // namespace

std::string icl_task_name(IclTask task) {
  static const Names names = {"ner", "re", "ed", "eae"};
  return names[static_cast<size_t>(task)];
}

Result<IclTask> icl_task_named(const std::string& name) {
  for (const IclTask task : kTasks) {
    if (icl_task_name(task) == name) return task;
  }
  return usage_error("unknown task \"" + name + "\"",
                     "ner (entities), re (relations), ed (events) or eae (their arguments)");
}

Status check_icl_template(const IclTemplate& icl_template, const std::string& where) {
  if (icl_template.tasks.empty()) {
    return usage_error(where + ": no tasks", "tasks: {ner: {prompt: ..., item: ...}}");
  }
  for (const std::string* text : {&icl_template.nothing, &icl_template.separator}) {
    if (text->empty() || text->find('\n') != std::string::npos) {
      return usage_error(where + ": nothing and separator must be texts of one line",
                         "an answer is one line");
    }
  }
  for (const auto& [task, lines] : icl_template.tasks) {
    const std::string place = where + ": tasks: " + icl_task_name(task);
    for (const std::string* text :
         {&lines.instruction, &lines.prompt, &lines.example, &lines.item}) {
      if (text::find_invalid_utf8(*text)) {
        return usage_error(place + ": not valid UTF-8", "save the template as UTF-8");
      }
    }
    if (lines.item.find('\n') != std::string::npos) {
      return usage_error(place + ": item: of several lines", "an answer is one line");
    }
    RELATA_CHECK(check_task(task, lines, place));
  }
  return {};
}

Result<IclTemplate> parse_icl_template(std::string_view yaml, const std::string& where) {
  RELATA_TRY(const Json json, parse_yaml(yaml, where));
  if (!json.is_object()) {
    return usage_error(where + ": not a mapping of keys to values",
                       "a template has the keys name, nothing, separator and tasks");
  }
  IclTemplate out;
  Json tasks;
  Fields fields(json, where);
  fields.get("name", out.name);
  fields.get("nothing", out.nothing);
  fields.get("separator", out.separator);
  fields.get("tasks", tasks);
  RELATA_CHECK(fields.finish());
  if (!tasks.is_null() && !tasks.is_object()) {
    return usage_error(where + ": tasks: not a mapping", "tasks: {ner: {prompt: ..., item: ...}}");
  }
  for (const auto& [name, lines] : tasks.items()) {
    const auto task = icl_task_named(name);
    if (!task.ok()) {
      return usage_error(where + ": tasks: " + task.error().message, task.error().hint);
    }
    RELATA_TRY(out.tasks[*task], task_from_json(lines, where + ": tasks: " + name));
  }
  RELATA_CHECK(check_icl_template(out, where));
  return out;
}

Result<IclTemplate> load_icl_template(const std::string& path) {
  RELATA_TRY(const std::string content, read_file(path));
  return parse_icl_template(content, path);
}

std::string icl_template_yaml(const IclTemplate& icl_template) {
  Json json = Json::object();
  json["name"] = icl_template.name;
  json["nothing"] = icl_template.nothing;
  json["separator"] = icl_template.separator;
  for (const auto& [task, lines] : icl_template.tasks) {
    Json& entry = json["tasks"][icl_task_name(task)];
    entry["instruction"] = lines.instruction;
    entry["prompt"] = lines.prompt;
    if (!lines.example.empty()) entry["example"] = lines.example;
    entry["item"] = lines.item;
  }
  return to_yaml(json);
}

Names builtin_icl_template_names() { return {"icl-en", "icl-zh"}; }

Result<IclTemplate> builtin_icl_template(const std::string& name) {
  if (name == "icl-en") return english();
  if (name == "icl-zh") return chinese();
  return usage_error("unknown template \"" + name + "\"", "built in: icl-en, icl-zh; or a file");
}

}  // namespace relata::extract
