#include "icl_prompt.h"

#include <algorithm>
#include <set>

#include "relata/base/trim.h"
#include "steps/gold.h"

namespace relata::extract {
namespace {

using data::Document;

const data::EventType* event_type_named(const data::Schema& schema, const std::string& id) {
  for (const data::EventType& type : schema.event_types) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

template <class Type>
IclLabel label_of(const Type& type) {
  return {type.id, type.name.empty() ? type.id : type.name, type.description};
}

int label_with_id(const std::vector<IclLabel>& labels, const std::string& id) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].id == id) return static_cast<int>(i);
  }
  return -1;
}

// One line, as an answer must have it; "" where the range is not inside the text.
std::string covered(const Document& document, const text::ByteRange& range) {
  if (range.begin >= range.end || range.end > document.text.size()) return "";
  std::string out = document.text.substr(range.begin, range.end - range.begin);
  return out.find('\n') == std::string::npos ? out : "";
}

// "" where no line of the text has it.
std::string name_of(const Document& document, int entity) {
  data::Entity placed = document.entities.at(static_cast<size_t>(entity));
  placed.mentions = data::places_of(document, placed);
  return canonical_name(document, placed);
}

std::string argument_text(const Document& document, const data::Argument& argument) {
  std::string out = covered(document, argument.range);
  if (!out.empty() || argument.entity < 0) return out;
  return name_of(document, argument.entity);
}

// The document's items with the place of each in the text.
class Items {
 public:
  explicit Items(const Document& document) : document_(document) {}
  // At `range`, or where the text first has the span.
  void add(const IclItem& item, const text::ByteRange& range = {}) {
    if (item.label < 0 || item.span.empty()) return;
    for (const auto& [place, known] : found_) {
      if (known == item) return;
    }
    const bool is_placed = range.end > range.begin;
    found_.push_back({is_placed ? range.begin : document_.text.find(item.span), item});
  }
  std::vector<IclItem> sorted() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<IclItem> out;
    for (auto& [place, item] : found_) out.push_back(std::move(item));
    return out;
  }

 private:
  const Document& document_;
  std::vector<std::pair<size_t, IclItem>> found_;
};

Status check_names(const IclTemplate& icl_template, const std::vector<IclLabel>& labels,
                   const std::string& what) {
  std::set<std::string> names;
  for (const IclLabel& label : labels) {
    const std::string place = what + " \"" + label.id + "\": the name \"" + label.name + "\"";
    if (label.name.find('\n') != std::string::npos ||
        label.name.find(icl_template.separator) != std::string::npos) {
      return usage_error(place + " has a line break or the template's separator \"" +
                             icl_template.separator + "\" in it",
                         "change one of them, in schema.json or in the template");
    }
    if (label.name != trimmed(label.name)) {
      return usage_error(place + " has blanks around it", "take them off, in schema.json");
    }
    if (!names.insert(label.name).second) {
      return usage_error(place + " is another one's too", "give it a name of its own");
    }
  }
  return {};
}

}  // namespace

std::vector<IclLabel> icl_labels(const data::Schema& schema, IclTask task,
                                 const std::string& event_type) {
  std::vector<IclLabel> out;
  switch (task) {
    case IclTask::kNer:
      for (const data::EntityType& type : schema.entity_types) out.push_back(label_of(type));
      break;
    case IclTask::kRe:
      for (const data::RelationType& type : schema.relation_types) {
        if (!type.negative) out.push_back(label_of(type));
      }
      break;
    case IclTask::kEd:
      for (const data::EventType& type : schema.event_types) out.push_back(label_of(type));
      break;
    case IclTask::kEae: {
      const data::EventType* type = event_type_named(schema, event_type);
      if (type == nullptr) break;
      for (const data::EventRole& role : type->roles) out.push_back(label_of(role));
    }
  }
  return out;
}

std::vector<IclTask> icl_tasks_of(const data::Schema& schema) {
  std::vector<IclTask> out;
  if (!schema.entity_types.empty()) out.push_back(IclTask::kNer);
  if (!icl_labels(schema, IclTask::kRe, "").empty()) out.push_back(IclTask::kRe);
  if (!schema.event_types.empty()) out.push_back(IclTask::kEd);
  const auto has_roles = [](const data::EventType& type) { return !type.roles.empty(); };
  if (std::any_of(schema.event_types.begin(), schema.event_types.end(), has_roles)) {
    out.push_back(IclTask::kEae);
  }
  return out;
}

Status check_icl_schema(const IclTemplate& icl_template, const data::Schema& schema,
                        const std::vector<IclTask>& tasks) {
  if (tasks.empty()) {
    return usage_error("the schema has no labels for any task",
                       "give it entity_types, relation_types or event_types");
  }
  const std::vector<IclTask> possible = icl_tasks_of(schema);
  for (const IclTask task : tasks) {
    const std::string name = icl_task_name(task);
    if (!icl_template.tasks.contains(task)) {
      return usage_error("template \"" + icl_template.name + "\" has no task " + name,
                         "add it, or leave the task out");
    }
    if (std::find(possible.begin(), possible.end(), task) == possible.end()) {
      return usage_error("the schema has no labels for the task " + name,
                         "add them to it, or name other tasks");
    }
    if (task != IclTask::kEae) {
      RELATA_CHECK(check_names(icl_template, icl_labels(schema, task, ""), name));
      continue;
    }
    for (const data::EventType& type : schema.event_types) {
      RELATA_CHECK(check_names(icl_template, icl_labels(schema, task, type.id),
                               "event type \"" + type.id + "\": role"));
    }
  }
  return {};
}

std::string event_type_of(const IclQuestion& question) {
  if (question.event < 0) return "";
  return question.document->events.at(static_cast<size_t>(question.event)).type;
}

std::vector<IclItem> stated_items(const data::Schema& schema, const IclQuestion& question) {
  const Document& document = *question.document;
  const std::vector<IclLabel> labels = icl_labels(schema, question.task, event_type_of(question));
  Items items(document);
  switch (question.task) {
    case IclTask::kNer:
      for (const data::Entity& entity : document.entities) {
        const int label = label_with_id(labels, entity.type);
        for (const text::ByteRange& mention : data::places_of(document, entity)) {
          items.add({label, covered(document, mention), ""}, mention);
        }
      }
      break;
    case IclTask::kRe:
      for (const data::Relation& relation : document.relations) {
        const std::string tail = name_of(document, relation.tail);
        if (tail.empty()) continue;
        items.add({label_with_id(labels, relation.type), name_of(document, relation.head), tail});
      }
      break;
    case IclTask::kEd:
      for (const data::Event& event : document.events) {
        items.add({label_with_id(labels, event.type), covered(document, event.trigger), ""},
                  event.trigger);
      }
      break;
    case IclTask::kEae:
      if (question.event < 0) break;
      for (const data::Argument& argument :
           document.events.at(static_cast<size_t>(question.event)).arguments) {
        items.add({label_with_id(labels, argument.role), argument_text(document, argument), ""},
                  argument.range);
      }
  }
  return items.sorted();
}

Result<IclPrompter> IclPrompter::make(const Extractor& extractor,
                                      const std::vector<IclTask>& tasks) {
  const std::string where = "template \"" + extractor.icl.name + "\"";
  RELATA_CHECK(check_icl_template(extractor.icl, where));
  RELATA_CHECK(check_icl_schema(extractor.icl, extractor.schema, tasks));
  IclPrompter out(extractor);
  RELATA_TRY(out.chat_, extractor.chat_wrapper());
  return out;
}

std::vector<TemplatePart> IclPrompter::item_parts(IclTask task) const {
  return split_template(extractor_->icl.tasks.at(task).item, "item",
                        {"label", "span", "head", "tail"})
      .value();
}

std::string IclPrompter::labels_text(const std::vector<IclLabel>& labels) const {
  const bool defined = std::any_of(labels.begin(), labels.end(), [](const IclLabel& label) {
    return !label.description.empty();
  });
  std::string out;
  for (const IclLabel& label : labels) {
    if (!out.empty()) out += defined ? "\n" : ", ";
    out += (defined ? "- " : "") + label.name;
    if (!label.description.empty()) out += ": " + label.description;
  }
  return out;
}

std::string IclPrompter::answer(IclTask task, const std::vector<IclLabel>& labels,
                                const std::vector<IclItem>& items) const {
  if (items.empty()) return extractor_->icl.nothing;
  const std::vector<TemplatePart> parts = item_parts(task);
  std::string out;
  for (const IclItem& item : items) {
    if (!out.empty()) out += extractor_->icl.separator;
    for (const TemplatePart& part : parts) {
      if (!part.placeholder) {
        out += part.text;
      } else if (part.text == "label") {
        out += labels.at(static_cast<size_t>(item.label)).name;
      } else {
        out += part.text == "tail" ? item.tail : item.span;
      }
    }
  }
  return out;
}

std::string IclPrompter::example_text(const IclQuestion& question,
                                      const Demonstration& example) const {
  IclQuestion shown{question.task, example.document, -1};
  const std::string type = event_type_of(question);
  if (question.task == IclTask::kEae) {
    const auto& events = example.document->events;
    const auto found = std::find_if(events.begin(), events.end(),
                                    [&](const data::Event& event) { return event.type == type; });
    if (found == events.end()) return "";
    shown.event = static_cast<int>(found - events.begin());
  }
  const data::Schema& schema = extractor_->schema;
  const std::string right =
      answer(question.task, icl_labels(schema, question.task, type), stated_items(schema, shown));
  const IclTaskTemplate& lines = extractor_->icl.tasks.at(question.task);
  const auto parts =
      split_template(lines.example, "example", {"text", "answer", "event", "trigger"}).value();
  std::string out;
  for (const TemplatePart& part : parts) {
    if (!part.placeholder) {
      out += part.text;
    } else if (part.text == "answer") {
      out += right;
    } else if (part.text == "text") {
      out += example.document->text;
    } else {
      const data::Event& event = example.document->events[static_cast<size_t>(shown.event)];
      out += part.text == "event" ? label_of(*event_type_named(schema, type)).name
                                  : covered(*example.document, event.trigger);
    }
  }
  return out;
}

std::string IclPrompter::user_turn(const IclQuestion& question,
                                   const std::vector<Demonstration>& examples) const {
  const IclTaskTemplate& lines = extractor_->icl.tasks.at(question.task);
  const data::Schema& schema = extractor_->schema;
  const std::string type = event_type_of(question);
  const auto parts =
      split_template(lines.prompt, "prompt",
                     {"instruction", "labels", "examples", "text", "event", "trigger"})
          .value();
  std::string out;
  for (const TemplatePart& part : parts) {
    if (!part.placeholder) {
      out += part.text;
    } else if (part.text == "instruction") {
      out += lines.instruction;
    } else if (part.text == "labels") {
      out += labels_text(icl_labels(schema, question.task, type));
    } else if (part.text == "examples") {
      for (const Demonstration& example : examples) out += example_text(question, example);
    } else if (part.text == "text") {
      out += question.document->text;
    } else {
      const data::Event& event = question.document->events[static_cast<size_t>(question.event)];
      out += part.text == "event" ? label_of(*event_type_named(schema, type)).name
                                  : covered(*question.document, event.trigger);
    }
  }
  return out;
}

std::vector<int32_t> IclPrompter::encode(const text::Tokenizer& tokenizer,
                                         const std::string& turn) const {
  std::vector<int32_t> ids = tokenizer.encode_ids(wrapped(turn), chat_.add_special);
  // Some tokenizers close every text; an answer must follow here.
  if (ids.size() > 1 && tokenizer.eos_id() >= 0 && ids.back() == tokenizer.eos_id()) {
    ids.pop_back();
  }
  return ids;
}

}  // namespace relata::extract
