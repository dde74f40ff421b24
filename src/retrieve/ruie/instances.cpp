#include "relata/retrieve/instances.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

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

// What an instance states: items of its answer, each once, and the places that are tagged.
struct Marked {
  std::vector<std::string> items;
  std::vector<ByteRange> ranges;

  void item(const std::string& label, const std::string& value) {
    if (label.empty() || value.empty()) return;
    const std::string text = label + ": " + value;
    if (std::find(items.begin(), items.end(), text) == items.end()) items.push_back(text);
  }
};

// A stated place that ends within a word is looked for as a word of its own.
ByteRange whole_word(const std::string& text, ByteRange range) {
  if (range.end >= text.size()) return range;
  if (std::isalpha(static_cast<unsigned char>(text[range.end])) == 0) return range;
  const std::vector<ByteRange> found = data::find_mentions(text, part_of(text, range));
  for (const ByteRange other : found) {
    const bool cut =
        other.end < text.size() && std::isalpha(static_cast<unsigned char>(text[other.end])) != 0;
    if (!cut) return other;
  }
  return range;
}

Marked entities(const data::Document& document) {
  struct Mention {
    ByteRange range;
    const data::Entity* entity;
  };
  std::vector<Mention> mentions;
  for (const data::Entity& entity : document.entities) {
    for (const ByteRange range : entity.mentions) mentions.push_back({range, &entity});
  }
  std::stable_sort(mentions.begin(), mentions.end(), [](const Mention& a, const Mention& b) {
    return a.range.begin != b.range.begin ? a.range.begin < b.range.begin
                                          : a.range.end < b.range.end;
  });
  Marked out;
  for (const Mention& mention : mentions) {
    out.item(mention.entity->type, part_of(document.text, mention.range));
    out.ranges.push_back(mention.range);
  }
  return out;
}

Marked relations(const data::Document& document, const data::Schema& schema) {
  Marked out;
  for (const data::Relation& relation : document.relations) {
    const int type = schema.find(relation.type);
    if (type >= 0 && schema.relation_types[static_cast<size_t>(type)].negative) continue;
    const data::Entity& head = document.entities[static_cast<size_t>(relation.head)];
    const data::Entity& tail = document.entities[static_cast<size_t>(relation.tail)];
    out.item(relation.type, head.text + ", " + tail.text);
    for (const data::Entity* entity : {&head, &tail}) {
      if (!entity->mentions.empty()) out.ranges.push_back(entity->mentions.front());
    }
  }
  return out;
}

Marked triggers(const data::Document& document) {
  Marked out;
  for (const data::Event& event : document.events) {
    if (is_empty(event.trigger)) continue;
    out.item(event.type, part_of(document.text, event.trigger));
    out.ranges.push_back(event.trigger);
  }
  return out;
}

ByteRange place_of(const data::Document& document, const data::Argument& argument) {
  if (!is_empty(argument.range) || argument.entity < 0) return argument.range;
  const auto& mentions = document.entities[static_cast<size_t>(argument.entity)].mentions;
  return mentions.empty() ? ByteRange() : mentions.front();
}

Marked arguments(const data::Document& document, const data::Event& event) {
  Marked out;
  if (!is_empty(event.trigger)) out.ranges.push_back(event.trigger);
  for (const data::Argument& argument : event.arguments) {
    const ByteRange range = place_of(document, argument);
    if (is_empty(range)) continue;
    out.item(argument.role, part_of(document.text, range));
    out.ranges.push_back(range);
  }
  return out;
}

std::string schema_line(IeTask task, const data::Schema& schema) {
  std::vector<std::string> names;
  if (task == IeTask::kNer) {
    for (const auto& type : schema.entity_types) names.push_back(type.id);
  } else if (task == IeTask::kRe) {
    for (const auto& type : schema.relation_types) {
      if (!type.negative) names.push_back(type.id);
    }
  } else {
    for (const auto& type : schema.event_types) names.push_back(type.id);
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
                  Marked marked) {
  Instance out;
  out.id = document.id;
  out.text = document.text;
  for (ByteRange& range : marked.ranges) range = whole_word(document.text, range);
  const std::string start = std::string("Task: ") + names_of(task).title +
                            std::string(kSchemaLine) + schema + std::string(kInputLine);
  const std::string end(kOutputLine);
  out.question = start + "\"" + document.text + "\"" + end;
  out.tagged_question = start + tagged_text(document.text, std::move(marked.ranges)) + end;
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

std::string tagged_text(const std::string& text, std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](ByteRange a, ByteRange b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::string out;
  size_t at = 0;
  for (size_t i = 0; i < ranges.size();) {
    ByteRange span = ranges[i++];
    while (i < ranges.size() && ranges[i].begin < span.end) {
      span.end = std::max(span.end, ranges[i++].end);
    }
    if (is_empty(span) || span.begin < at) continue;
    out += text.substr(at, span.begin - at);
    out += std::string(kKeywordBegin) + " " + part_of(text, span) + " " + std::string(kKeywordEnd);
    at = span.end;
  }
  return out + text.substr(at);
}

std::string untagged_text(std::string_view text) {
  std::string out(text);
  for (const std::string& mark :
       {std::string(kKeywordBegin) + " ", " " + std::string(kKeywordEnd)}) {
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
    Marked marked = task == IeTask::kNer  ? entities(document)
                    : task == IeTask::kRe ? relations(document, schema)
                                          : triggers(document);
    return {instance(document, task, schema_line(task, schema), std::move(marked))};
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
