#include "answer_shapes.h"

#include <algorithm>

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

}  // namespace

std::optional<std::vector<std::string>> choices_of(const StepPrompter& prompter,
                                                   const AskedText& text, const Question& question,
                                                   Variables field) {
  if (field != kRelation) {
    if (text.entities.empty()) return std::nullopt;
    return entity_names(prompter, text, question.about, field);
  }
  std::vector<std::string> out;
  if (!question.relations.empty()) {
    for (const int relation : question.relations) out.push_back(prompter.relation_name(relation));
    return out;
  }
  for (const data::RelationType& type : prompter.schema().relation_types) {
    if (!type.negative) out.push_back(type.name);
  }
  return out;
}

std::optional<generate::AnswerShape> answer_shape(const StepPrompter& prompter,
                                                  const AskedText& text, const Question& question) {
  const PipelineSpec& spec = prompter.spec();
  const StepTemplate& step = spec.steps[question.step];
  generate::AnswerShape shape;
  shape.separator = spec.separator;
  shape.nothing = step.may_be_empty ? spec.nothing : "";
  for (const TemplatePart& part : item_parts(step)) {
    AnswerField field;
    if (!part.placeholder) {
      field.text = part.text;
      shape.item.push_back(std::move(field));
      continue;
    }
    field.name = part.text;
    auto choices = choices_of(prompter, text, question, variable_named(part.text));
    if (choices && choices->empty()) return std::nullopt;
    field.kind = choices ? AnswerField::Kind::Choice : AnswerField::Kind::Span;
    if (choices) field.choices = std::move(*choices);
    shape.item.push_back(std::move(field));
  }
  return shape;
}

Result<std::shared_ptr<const generate::Constraint>> ConstraintMaker::make(
    const AskedText& text, size_t text_number, const Question& question) {
  const auto shape = answer_shape(prompter_, text, question);
  if (!shape) return std::shared_ptr<const generate::Constraint>();
  std::string key = std::to_string(question.step);
  bool has_spans = false;
  for (const AnswerField& field : shape->item) {
    for (const std::string& choice : field.choices) key += '\0' + choice;
    has_spans = has_spans || field.kind == AnswerField::Kind::Span;
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
