#include "step_prompt.h"

#include <algorithm>

namespace relata::extract {
namespace {

const std::vector<std::string> kAllPlaceholders = {
    "instruction", "document", "relation", "description", "head", "tail", "relations", "schema"};

}  // namespace

Binding projected(const Binding& binding, Variables variables) {
  Binding out;
  if ((variables & kRelation) != 0U) out.relation = binding.relation;
  if ((variables & kHead) != 0U) out.head = binding.head;
  if ((variables & kTail) != 0U) out.tail = binding.tail;
  return out;
}

int relation_named(const data::Schema& schema, std::string_view name) {
  for (size_t i = 0; i < schema.relation_types.size(); ++i) {
    if (!schema.relation_types[i].negative && schema.relation_types[i].name == name) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

Result<StepPrompter> StepPrompter::make(const Extractor& extractor) {
  StepPrompter out(extractor);
  const PipelineSpec& spec = extractor.pipeline;
  const std::string where = "pipeline \"" + spec.name + "\"";
  RELATA_CHECK(check_pipeline_spec(spec, where));
  RELATA_CHECK(check_pipeline_schema(spec, extractor.schema));
  RELATA_TRY(out.chat_, extractor.chat_wrapper());
  RELATA_TRY(out.root_, split_template(spec.root, where, kAllPlaceholders));
  for (const StepTemplate& step : spec.steps) {
    RELATA_TRY(auto question, split_template(step.question, where, kAllPlaceholders));
    out.questions_.push_back(std::move(question));
    out.items_.push_back(step.check ? std::vector<TemplatePart>{} : item_parts(step));
  }
  const auto length = [](const data::RelationType& type) {
    return type.name.size() + type.description.size();
  };
  const auto& types = extractor.schema.relation_types;
  for (size_t i = 0; i < types.size(); ++i) {
    if (length(types[i]) > length(types[static_cast<size_t>(out.longest_relation_)])) {
      out.longest_relation_ = static_cast<int>(i);
    }
  }
  return out;
}

const std::string& StepPrompter::relation_name(int relation) const {
  return schema().relation_types.at(static_cast<size_t>(relation)).name;
}

std::string StepPrompter::value(const std::string& name, const data::Document& document,
                                const Question& question) const {
  const auto joined = [&](const std::vector<int>& relations) {
    std::string out;
    for (const int relation : relations) {
      out += (out.empty() ? "" : ", ") + relation_name(relation);
    }
    return out;
  };
  if (name == "instruction") return spec().instruction;
  if (name == "document") return document.text;
  if (name == "relation") return relation_name(question.about.relation);
  if (name == "head") return question.about.head;
  if (name == "tail") return question.about.tail;
  if (name == "relations") return joined(question.relations);
  if (name == "description") {
    const auto& type = schema().relation_types.at(static_cast<size_t>(question.about.relation));
    return type.description.empty() ? type.name : type.description;
  }
  std::vector<int> all;
  for (size_t i = 0; i < schema().relation_types.size(); ++i) {
    if (!schema().relation_types[i].negative) all.push_back(static_cast<int>(i));
  }
  return joined(all);
}

std::string StepPrompter::render(const std::vector<TemplatePart>& parts,
                                 const data::Document& document, const Question& question) const {
  std::string out;
  for (const TemplatePart& part : parts) {
    out += part.placeholder ? value(part.text, document, question) : part.text;
  }
  return out;
}

std::string StepPrompter::user_turn(const data::Document& document,
                                    const Question& question) const {
  return render(root_, document, question) +
         render(questions_.at(question.step), document, question);
}

// A wrapper that trims does so at the turn's two ends, which are in different parts.
std::string StepPrompter::root_text(const data::Document& document) const {
  text::ChatTemplate before = chat_;
  before.after.clear();
  const std::string root = render(root_, document, {});
  if (root.empty()) return before.before;
  std::string text = text::wrap_chat(before, root + "x");
  text.pop_back();
  return text;
}

std::string StepPrompter::branch_text(const data::Document& document,
                                      const Question& question) const {
  text::ChatTemplate after = chat_;
  after.before.clear();
  const std::string turn = render(questions_.at(question.step), document, question);
  if (root_.empty()) return text::wrap_chat(after, turn);
  return text::wrap_chat(after, "x" + turn).substr(1);
}

std::vector<int32_t> StepPrompter::root_ids(const text::Tokenizer& tokenizer,
                                            const data::Document& document) const {
  std::vector<int32_t> ids = tokenizer.encode_ids(root_text(document), chat_.add_special);
  // Some tokenizers close every text; the branch must follow here.
  if (!ids.empty() && tokenizer.eos_id() >= 0 && ids.back() == tokenizer.eos_id() &&
      tokenizer.eos_id() != tokenizer.bos_id()) {
    ids.pop_back();
  }
  return ids;
}

std::vector<int32_t> StepPrompter::branch_ids(const text::Tokenizer& tokenizer,
                                              const data::Document& document,
                                              const Question& question) const {
  return tokenizer.encode_ids(branch_text(document, question), false);
}

size_t StepPrompter::longest_prompt(const text::Tokenizer& tokenizer,
                                    const data::Document& document) const {
  constexpr size_t kUsualRelations = 20;
  size_t longest = 0;
  for (size_t step = 0; step < questions_.size(); ++step) {
    Question question;
    question.step = step;
    question.about.relation = longest_relation_;
    if (inputs_of(spec().steps[step]) == kRelationList) {
      question.relations.assign(kUsualRelations, longest_relation_);
    }
    longest = std::max(longest, branch_ids(tokenizer, document, question).size());
  }
  return root_ids(tokenizer, document).size() + longest;
}

std::string StepPrompter::list_answer(size_t step, const std::vector<Binding>& items) const {
  if (items.empty()) return spec().nothing;
  std::string out;
  for (const Binding& item : items) {
    if (!out.empty()) out += spec().separator;
    for (const TemplatePart& part : items_.at(step)) {
      if (!part.placeholder) {
        out += part.text;
      } else if (part.text == "relation") {
        out += relation_name(item.relation);
      } else {
        out += part.text == "head" ? item.head : item.tail;
      }
    }
  }
  return out;
}

std::vector<int32_t> StepPrompter::answer_ids(const text::Tokenizer& tokenizer,
                                              const std::string& answer) {
  std::vector<int32_t> ids = tokenizer.encode_ids(answer, false);
  if (tokenizer.eos_id() >= 0) ids.push_back(tokenizer.eos_id());
  return ids;
}

}  // namespace relata::extract
