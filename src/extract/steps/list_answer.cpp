#include "list_answer.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "item_reader.h"
#include "python_list.h"
#include "relata/base/trim.h"

namespace relata::extract {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

// Reads items in the form of a step's answers.
class StepItemReader {
 public:
  StepItemReader(const StepTemplate& step, const data::Schema& schema, const CheckField& check)
      : parts_(item_parts(step)),
        schema_(schema),
        check_(check),
        literal_(parts_, [this](const std::string& name, std::string_view value, Binding& item) {
          return take(name, value, item);
        }) {}

  // As the template has it, so as constraints write it; else, where that is a list of Python, as
  // Python might write it.
  std::optional<Binding> read(std::string_view text) {
    auto item = literal_.read(text);
    problem_ = literal_.problem();
    if (item || !is_python_list(parts_)) return item;
    const auto values = read_python_list(text);
    return values ? from_list(*values) : std::nullopt;
  }
  // The first that was wrong with a field in the last reading; "" if the form was.
  const std::string& problem() const { return problem_; }

 private:
  std::string take(const std::string& name, std::string_view value, Binding& item) const {
    const Variables field = variable_named(name);
    std::string problem;
    if (field == kRelation) {
      item.relation = relation_named(schema_, value);
      if (item.relation < 0) problem = "not a relation of the schema";
    } else {
      (field == kHead ? item.head : item.tail) = std::string(value);
    }
    if (problem.empty()) problem = check_(item, field);
    return problem.empty() ? "" : "\"" + std::string(value) + "\": " + problem;
  }

  std::optional<Binding> from_list(const std::vector<std::string>& values) {
    if (values.size() != parts_.size() / 2) return std::nullopt;
    Binding item;
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string problem = take(parts_[2 * i + 1].text, values[i], item);
      if (problem.empty()) continue;
      if (problem_.empty()) problem_ = problem;
      return std::nullopt;
    }
    return item;
  }

  std::vector<TemplatePart> parts_;
  const data::Schema& schema_;
  const CheckField& check_;
  ItemReader<Binding> literal_;
  std::string problem_;
};

}  // namespace

ListAnswer parse_list_answer(const PipelineSpec& spec, const StepTemplate& step,
                             const data::Schema& schema, const CheckField& check,
                             std::string_view text, bool cut_off) {
  StepItemReader reader(step, schema, check);
  ListAnswer out;
  if (trimmed(text).empty() && !cut_off) out.problem = "the answer is empty";
  const size_t limit = cut_off ? text.rfind(spec.separator) : text.size();
  if (limit == std::string_view::npos) return out;
  size_t before = 0;  // the end of the item before
  for (size_t begin = 0; begin <= limit; begin += spec.separator.size()) {
    const size_t first = begin;
    size_t end = std::min(text.find(spec.separator, first), limit);
    begin = end;
    const std::string_view line = trimmed(text.substr(first, end - first));
    if (line.empty()) continue;
    std::string problem;  // of the line
    std::optional<Binding> item;
    if (line != spec.nothing) {
      item = read_list_item(reader, text, first, limit, spec.separator, end, problem);
    }
    begin = end;
    const size_t from = std::exchange(before, text.find_last_not_of(kSpaces, end - 1) + 1);
    if (!item) {
      if (line == spec.nothing || !out.problem.empty()) continue;
      out.problem = problem.empty()
                        ? "\"" + std::string(line) + "\": not in the form " + step.answer
                        : problem;
      continue;
    }
    const bool known = std::any_of(out.items.begin(), out.items.end(),
                                   [&](const AnswerItem& other) { return other.item == *item; });
    if (!known) out.items.push_back({*item, from, before, 0.0});
  }
  return out;
}

bool score_items(const text::Tokenizer* tokenizer, const generate::GenerateResult& result,
                 std::vector<AnswerItem>& items) {
  const bool by_ids = !result.ids.empty() && tokenizer != nullptr;
  const size_t count = by_ids ? result.ids.size() : result.pieces.size();
  if (result.logprobs.size() != count || count == 0) return items.empty();
  for (AnswerItem& item : items) item.logprob = 0.0;
  // Borrowed: the decoder does not outlive this function.
  std::optional<text::StreamDecoder> decoder;
  if (by_ids) {
    decoder.emplace(std::shared_ptr<const text::Tokenizer>(std::shared_ptr<void>(), tokenizer),
                    true);
  }
  size_t at = 0;
  size_t item = 0;
  for (size_t i = 0; i < count; ++i) {
    while (item < items.size() && at >= items[item].end) ++item;
    if (item == items.size()) break;
    if (at >= items[item].begin) items[item].logprob += std::min(result.logprobs[i], 0.0);
    at += by_ids ? decoder->add(result.ids[i]).size() : result.pieces[i].size();
  }
  return true;
}

}  // namespace relata::extract
