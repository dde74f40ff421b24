#include "relata/retrieve/instances.h"

#include <algorithm>
#include <array>
#include <set>

#include "relata/data/keywords.h"

namespace relata::retrieve {
namespace {

using data::ByteRange;

struct TaskNames {
  IeTask task;
  const char* name;
  const char* title;
};
constexpr std::array<TaskNames, 4> kTasks = {{
    {IeTask::kNer, "ner", "Named entity recognition"},
    {IeTask::kRe, "re", "Relation extraction"},
    {IeTask::kEd, "ed", "Event detection"},
    {IeTask::kEae, "eae", "Event argument extraction"},
}};

const TaskNames& names_of(IeTask task) { return kTasks.at(static_cast<size_t>(task)); }

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

bool is_empty(ByteRange range) { return range.begin >= range.end; }

std::string part_of(const std::string& text, ByteRange range) {
  return text.substr(range.begin, range.end - range.begin);
}

// The reference's data have it for what is of no type.
bool is_type(const std::string& label) { return !label.empty() && label != "NA"; }

// What an instance states: items of its answer, each once, and what is tagged.
struct Marked {
  std::vector<std::string> items;
  std::vector<data::Keyword> keywords;

  void item(const std::string& label, const std::string& value) {
    if (label.empty() || value.empty()) return;
    const std::string text = label + ": " + value;
    if (std::find(items.begin(), items.end(), text) == items.end()) items.push_back(text);
  }
  void tag(const std::string& text, ByteRange range) {
    if (!is_empty(range)) keywords.push_back({part_of(text, range), range});
  }
};

ByteRange first_place(const data::Document& document, const data::Entity& entity) {
  const std::vector<ByteRange> places = data::places_of(document, entity);
  return places.empty() ? ByteRange() : places.front();
}

Marked entities(const data::Document& document) {
  struct Mention {
    ByteRange range;
    const data::Entity* entity;
  };
  std::vector<Mention> mentions;
  std::vector<const data::Entity*> placeless;
  for (const data::Entity& entity : document.entities) {
    if (!is_type(entity.type)) continue;
    const std::vector<ByteRange> places = data::places_of(document, entity);
    for (const ByteRange range : places) mentions.push_back({range, &entity});
    if (places.empty()) placeless.push_back(&entity);
  }
  std::stable_sort(mentions.begin(), mentions.end(), [](const Mention& a, const Mention& b) {
    return a.range.begin != b.range.begin ? a.range.begin < b.range.begin
                                          : a.range.end < b.range.end;
  });
  Marked out;
  for (const Mention& mention : mentions) {
    out.item(mention.entity->type, part_of(document.text, mention.range));
    out.tag(document.text, mention.range);
  }
  for (const data::Entity* entity : placeless) out.item(entity->type, entity->text);
  return out;
}

Marked relations(const data::Document& document, const data::Schema& schema) {
  Marked out;
  for (const data::Relation& relation : document.relations) {
    if (schema.is_negative(relation.type)) continue;
    const data::Entity& head = document.entities[static_cast<size_t>(relation.head)];
    const data::Entity& tail = document.entities[static_cast<size_t>(relation.tail)];
    out.item(relation.type, head.text + ", " + tail.text);
    for (const data::Entity* entity : {&head, &tail}) {
      out.tag(document.text, first_place(document, *entity));
    }
  }
  return out;
}

Marked triggers(const data::Document& document) {
  Marked out;
  for (const data::Event& event : document.events) {
    if (is_empty(event.trigger) || !is_type(event.type)) continue;
    out.item(event.type, part_of(document.text, event.trigger));
    out.tag(document.text, event.trigger);
  }
  return out;
}

Marked arguments(const data::Document& document, const data::Event& event) {
  Marked out;
  out.tag(document.text, event.trigger);
  for (const data::Argument& argument : event.arguments) {
    const data::Entity* entity =
        argument.entity < 0 ? nullptr : &document.entities[static_cast<size_t>(argument.entity)];
    ByteRange range = argument.range;
    if (is_empty(range) && entity != nullptr) range = first_place(document, *entity);
    if (is_empty(range) && entity == nullptr) continue;
    out.item(argument.role, is_empty(range) ? entity->text : part_of(document.text, range));
    out.tag(document.text, range);
  }
  return out;
}

std::string schema_line(IeTask task, const data::Schema& schema) {
  std::vector<std::string> names;
  if (task == IeTask::kNer) {
    for (const auto& type : schema.entity_types) {
      if (is_type(type.id)) names.push_back(type.id);
    }
  } else if (task == IeTask::kRe) {
    for (const auto& type : schema.relation_types) {
      if (!type.negative) names.push_back(type.id);
    }
  } else {
    for (const auto& type : schema.event_types) {
      if (is_type(type.id)) names.push_back(type.id);
    }
  }
  return "[" + joined(names, ", ") + "]";
}

std::string argument_line(const data::Document& document, const data::Event& event,
                          const data::Schema& schema) {
  std::vector<std::string> roles;
  for (const data::EventType& type : schema.event_types) {
    if (type.id != event.type) continue;
    for (const data::EventRole& role : type.roles) roles.push_back(role.id);
  }
  return "Given event trigger: \"" + event.type + ": " + part_of(document.text, event.trigger) +
         "\"; Candidate arguments: [" + joined(roles, ", ") + "]";
}

constexpr std::string_view kSchemaLine = "\nSchema: ";
constexpr std::string_view kInputLine = "\nInput: ";
constexpr std::string_view kOutputLine = "\nOutput:";

Instance instance(const data::Document& document, IeTask task, const std::string& schema,
                  const Marked& marked) {
  Instance out;
  out.id = document.id;
  out.text = document.text;
  const std::string start = std::string("Task: ") + names_of(task).title +
                            std::string(kSchemaLine) + schema + std::string(kInputLine);
  const std::string end(kOutputLine);
  out.question = start + "\"" + document.text + "\"" + end;
  out.tagged_question = start + data::tagged_text(document.text, marked.keywords) + end;
  out.answer = marked.items.empty() ? "None" : joined(marked.items, "; ");
  return out;
}

std::string without_schema(IeTask task, const std::string& text) {
  const size_t begin = text.find(kSchemaLine);
  if (task == IeTask::kEae || begin == std::string::npos) return text;
  const size_t end = std::min(text.find('\n', begin + 1), text.size());
  return text.substr(0, begin) + text.substr(end);
}

// A question's text, which for arguments follows what is asked for: of a text with several events
// each has other ones.
std::string sentence_of(IeTask task, const std::string& question, const std::string& text) {
  if (task != IeTask::kEae) return text;
  const size_t begin = question.find(kSchemaLine) + kSchemaLine.size();
  return question.substr(begin, question.find(kInputLine) - begin) + "\n" + text;
}

}  // namespace

std::optional<IeTask> ie_task_of_name(std::string_view name) {
  for (const TaskNames& known : kTasks) {
    if (name == known.name) return known.task;
  }
  return std::nullopt;
}

std::string ie_task_name(IeTask task) { return names_of(task).name; }

std::string untagged_text(std::string_view text) {
  std::string out(text);
  for (const std::string& mark :
       {std::string(data::kKeywordBegin) + " ", " " + std::string(data::kKeywordEnd)}) {
    for (size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at)) {
      out.erase(at, mark.size());
    }
  }
  return out;
}

Instance argument_instance(const data::Document& document, const data::Event& event,
                           const data::Schema& schema) {
  return instance(document, IeTask::kEae, argument_line(document, event, schema),
                  arguments(document, event));
}

std::string retriever_query(const Instance& instance, IeTask task, const RetrieverForm& form) {
  return form.sentences ? sentence_of(task, instance.question, instance.text)
                        : without_schema(task, instance.question);
}

std::string retriever_passage(const Instance& instance, IeTask task, const RetrieverForm& form) {
  if (!form.sentences) {
    return without_schema(task, form.tags ? instance.tagged_block() : instance.block());
  }
  const std::string& question = instance.tagged_question;
  const size_t begin = question.find(kInputLine) + kInputLine.size();
  const size_t end = question.size() - kOutputLine.size();
  return sentence_of(task, question,
                     form.tags ? question.substr(begin, end - begin) : instance.text);
}

std::vector<Instance> instances_of(const data::Document& document, IeTask task,
                                   const data::Schema& schema) {
  if (task != IeTask::kEae) {
    const Marked marked = task == IeTask::kNer  ? entities(document)
                          : task == IeTask::kRe ? relations(document, schema)
                                                : triggers(document);
    return {instance(document, task, schema_line(task, schema), marked)};
  }
  std::vector<Instance> out;
  for (const data::Event& event : document.events) {
    if (is_empty(event.trigger)) continue;
    out.push_back(argument_instance(document, event, schema));
    if (document.events.size() > 1) out.back().id += "#" + event.id;
  }
  return out;
}

data::Schema labels_of(const std::vector<data::Document>& documents) {
  data::Schema out;
  std::set<std::string> entity_types, relation_types, event_types;
  std::set<std::pair<std::string, std::string>> roles;
  for (const data::Document& document : documents) {
    for (const data::Entity& entity : document.entities) {
      if (!entity.type.empty() && entity_types.insert(entity.type).second) {
        out.entity_types.push_back({entity.type, entity.type, ""});
      }
    }
    for (const data::Relation& relation : document.relations) {
      if (!relation_types.insert(relation.type).second) continue;
      data::RelationType type;
      type.id = type.name = relation.type;
      type.negative = data::is_negative_name(type.id);
      out.relation_types.push_back(std::move(type));
    }
    for (const data::Event& event : document.events) {
      if (event_types.insert(event.type).second) {
        data::EventType type;
        type.id = type.name = event.type;
        out.event_types.push_back(std::move(type));
      }
      for (data::EventType& type : out.event_types) {
        if (type.id != event.type) continue;
        for (const data::Argument& argument : event.arguments) {
          if (!roles.emplace(event.type, argument.role).second) continue;
          data::EventRole role;
          role.id = role.name = argument.role;
          type.roles.push_back(std::move(role));
        }
      }
    }
  }
  return out;
}

}  // namespace relata::retrieve
