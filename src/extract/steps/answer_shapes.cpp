#include "answer_shapes.h"

#include <algorithm>
#include <iterator>

#include "end_types.h"

namespace relata::extract {
namespace {

using generate::AnswerField;

// The given entities that may be at this end.
std::vector<std::string> entity_names(const StepPrompter& prompter, const AskedText& text,
                                      const Binding& about, Variables field) {
  std::vector<std::string> out;
  const std::string& other = field == kHead ? about.tail : about.head;
  for (const NamedEntity& entity : text.entities) {
    if (entity.name == other) continue;
    if (about.relation >= 0) {
      const auto& type = prompter.schema().relation_types.at(static_cast<size_t>(about.relation));
      if (!allows_type(field == kHead ? type.head_types : type.tail_types, entity.type)) continue;
    }
    out.push_back(entity.name);
  }
  return out;
}

// Whether a given entity of that name may be at an end of such types; true where none is given.
bool may_be_end(const AskedText& text, const std::string& name,
                const std::vector<std::string>& types) {
  if (name.empty() || text.entities.empty()) return true;
  return std::any_of(text.entities.begin(), text.entities.end(), [&](const NamedEntity& entity) {
    return entity.name == name && allows_type(types, entity.type);
  });
}

}  // namespace

std::optional<std::vector<std::string>> choices_of(const StepPrompter& prompter,
                                                   const AskedText& text, const Question& question,
                                                   Variables field) {
  if (field != kRelation) {
    if (text.entities.empty()) return std::nullopt;
    return entity_names(prompter, text, question.about, field);
  }
  std::vector<std::string> out;
  const auto& types = prompter.schema().relation_types;
  const auto add = [&](const data::RelationType& type) {
    if (may_be_end(text, question.about.head, type.head_types) &&
        may_be_end(text, question.about.tail, type.tail_types)) {
      out.push_back(type.name);
    }
  };
  for (const int relation : question.relations) add(types.at(static_cast<size_t>(relation)));
  if (!question.relations.empty()) return out;
  for (const data::RelationType& type : types) {
    if (!type.negative) add(type);
  }
  return out;
}

namespace {

// A field of an answer's item that is written before others.
struct EarlierField {
  Variables variable = 0;
  std::vector<std::string> choices;  // none: the text's spans
};

// What the fields before, and what the question is about, leave of a field's `most` values. The
// same is asked of answers when they are read (ask_steps.cpp).
void add_rules(const StepPrompter& prompter, const AskedText& text, const Question& question,
               Variables variable, const std::vector<EarlierField>& before, size_t most,
               AnswerField& field) {
  const Variables other_end = variable == kHead ? kTail : kHead;
  if (field.kind == AnswerField::Kind::Span) {
    const std::string& known = variable == kHead ? question.about.tail : question.about.head;
    if (!known.empty()) field.never.push_back(known);
  }
  for (size_t i = 0; i < before.size(); ++i) {
    const EarlierField& other = before[i];
    if (variable != kRelation && other.variable == other_end) field.unlike.push_back(i);
    // Of two ends, the types do not depend on each other.
    if (text.entities.empty() || (variable != kRelation && other.variable != kRelation)) continue;
    for (const std::string& value : other.choices) {
      Question about = question;
      if (other.variable == kRelation) {
        about.about.relation = relation_named(prompter.schema(), value);
      } else {
        (other.variable == kHead ? about.about.head : about.about.tail) = value;
      }
      auto choices = choices_of(prompter, text, about, variable);
      if (choices && choices->size() < most) {
        field.behind[i].emplace(value, std::move(*choices));
      }
    }
  }
}

}  // namespace

std::optional<generate::AnswerShape> answer_shape(const StepPrompter& prompter,
                                                  const AskedText& text, const Question& question,
                                                  AnswerForm form,
                                                  std::vector<UnwritableName>& left_out) {
  const PipelineSpec& spec = prompter.spec();
  const StepTemplate& step = spec.steps[question.step];
  generate::AnswerShape shape;
  shape.separator = spec.separator;
  shape.nothing = step.may_be_empty ? spec.nothing : "";
  std::vector<EarlierField> before;
  const std::vector<TemplatePart> parts = item_parts(step);
  for (size_t i = 0; i < parts.size(); ++i) {
    const TemplatePart& part = parts[i];
    AnswerField field;
    if (!part.placeholder) {
      field.text = part.text;
      shape.item.push_back(std::move(field));
      continue;
    }
    field.name = part.text;
    const Variables variable = variable_named(part.text);
    auto choices = choices_of(prompter, text, question, variable);
    const size_t most = choices ? choices->size() : 0;
    if (choices && variable != kRelation) {
      FieldEnd end{part.text, "", parts.size() == 1 ? spec.nothing : ""};
      if (form == AnswerForm::kTemplate) {
        end.follow = i + 1 < parts.size() ? parts[i + 1].text : spec.separator;
      }
      auto unwritable = take_unwritable(*choices, end);
      std::move(unwritable.begin(), unwritable.end(), std::back_inserter(left_out));
    }
    if (choices && choices->empty()) return std::nullopt;
    field.kind = choices ? AnswerField::Kind::Choice : AnswerField::Kind::Span;
    if (choices) field.choices = std::move(*choices);
    add_rules(prompter, text, question, variable, before, most, field);
    before.push_back({variable, field.choices});
    shape.item.push_back(std::move(field));
  }
  return shape;
}

Result<std::shared_ptr<const generate::Constraint>> ConstraintMaker::make(
    const AskedText& text, size_t text_number, const Question& question,
    std::vector<UnwritableName>& left_out) {
  const auto shape = answer_shape(prompter_, text, question, AnswerForm::kTemplate, left_out);
  if (!shape) return std::shared_ptr<const generate::Constraint>();
  std::string key = std::to_string(question.step);
  bool has_spans = false;
  for (const AnswerField& field : shape->item) {
    for (const std::string& choice : field.choices) key += '\0' + choice;
    for (const std::string& name : field.never) (key += '\0') += "not " + name;
    has_spans = has_spans || field.kind == AnswerField::Kind::Span;
    if (field.behind.empty()) continue;
    // The types of its entities.
    key += "\n" + std::to_string(text_number) + "\n" + std::to_string(question.about.relation) +
           "\n" + question.about.head + "\n" + question.about.tail;
  }
  std::shared_ptr<const generate::SpanSource> spans;
  if (has_spans) {
    key += "\n" + std::to_string(text_number);
    RELATA_TRY(spans, spans_of(text, text_number));
  }
  auto& made = made_[key];
  if (!made) {
    RELATA_TRY(made, compiler_->compile(*shape, spans));
  }
  return made;
}

Result<std::shared_ptr<const generate::SpanSource>> ConstraintMaker::spans_of(const AskedText& text,
                                                                              size_t text_number) {
  auto& spans = spans_[text_number];
  if (!spans) {
    RELATA_TRY(spans, generate::make_span_source(text.document.text, {}));
  }
  return spans;
}

}  // namespace relata::extract
