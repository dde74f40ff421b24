#include "list_answer.h"

#include <algorithm>
#include <memory>
#include <optional>

namespace relata::extract {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

int relation_named(const data::Schema& schema, std::string_view name) {
  for (size_t i = 0; i < schema.relation_types.size(); ++i) {
    if (!schema.relation_types[i].negative && schema.relation_types[i].name == name) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

// One line against the parts of an item: a literal ends the field before it wherever that gives
// good fields; the first such reading counts.
class ItemReader {
 public:
  ItemReader(const std::vector<TemplatePart>& parts, const data::Schema& schema,
             const CheckField& check)
      : parts_(parts), schema_(schema), check_(check) {}

  std::optional<Binding> read(std::string_view line) {
    problem_.clear();
    return match(0, line, {});
  }
  const std::string& problem() const { return problem_; }

 private:
  std::optional<Binding> match(size_t part, std::string_view rest, const Binding& so_far) {
    if (part == parts_.size()) return rest.empty() ? std::optional(so_far) : std::nullopt;
    const TemplatePart& here = parts_[part];
    if (!here.placeholder) {
      if (!rest.starts_with(here.text)) return std::nullopt;
      return match(part + 1, rest.substr(here.text.size()), so_far);
    }
    if (part + 1 == parts_.size()) return match_field(part, rest, "", so_far);
    const std::string& bound = parts_[part + 1].text;
    for (size_t at = rest.find(bound); at != std::string_view::npos;
         at = rest.find(bound, at + 1)) {
      if (auto item = match_field(part, rest.substr(0, at), rest.substr(at), so_far)) return item;
    }
    return std::nullopt;
  }

  std::optional<Binding> match_field(size_t part, std::string_view value, std::string_view rest,
                                     const Binding& so_far) {
    const Variables field = variable_named(parts_[part].text);
    Binding item = so_far;
    std::string problem;
    if (field == kRelation) {
      item.relation = relation_named(schema_, value);
      if (item.relation < 0) problem = "not a relation of the schema";
    } else {
      (field == kHead ? item.head : item.tail) = std::string(value);
    }
    if (problem.empty()) problem = check_(item, field);
    if (!problem.empty()) {
      if (problem_.empty()) problem_ = "\"" + std::string(value) + "\": " + problem;
      return std::nullopt;
    }
    return match(part + 1, rest, item);
  }

  const std::vector<TemplatePart>& parts_;
  const data::Schema& schema_;
  const CheckField& check_;
  std::string problem_;
};

}  // namespace

ListAnswer parse_list_answer(const PipelineSpec& spec, const StepTemplate& step,
                             const data::Schema& schema, const CheckField& check,
                             std::string_view text) {
  const std::vector<TemplatePart> parts = item_parts(step);
  ItemReader reader(parts, schema, check);
  ListAnswer out;
  size_t before = 0;  // the end of the line before
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(spec.separator, begin), text.size());
    const size_t next = end + spec.separator.size();
    const size_t first = text.find_first_not_of(kSpaces, begin);
    if (first == std::string_view::npos || first >= end) {
      begin = next;
      continue;
    }
    while (kSpaces.find(text[end - 1]) != std::string_view::npos) --end;
    const std::string_view line = text.substr(first, end - first);
    const size_t from = before;
    before = end;
    begin = next;
    if (line == spec.nothing) continue;
    const auto item = reader.read(line);
    if (!item) {
      if (!out.problem.empty()) continue;
      out.problem = reader.problem().empty()
                        ? "\"" + std::string(line) + "\": not in the form " + step.answer
                        : reader.problem();
      continue;
    }
    const bool known = std::any_of(out.items.begin(), out.items.end(),
                                   [&](const AnswerItem& other) { return other.item == *item; });
    if (!known) out.items.push_back({*item, from, end, 0.0});
  }
  return out;
}

bool score_items(const text::Tokenizer& tokenizer, const generate::GenerateResult& result,
                 std::vector<AnswerItem>& items) {
  if (result.logprobs.size() != result.ids.size() || result.ids.empty()) return items.empty();
  for (AnswerItem& item : items) item.logprob = 0.0;
  // Borrowed: the decoder does not outlive this function.
  text::StreamDecoder decoder(
      std::shared_ptr<const text::Tokenizer>(std::shared_ptr<void>(), &tokenizer), true);
  size_t at = 0;
  size_t item = 0;
  for (size_t i = 0; i < result.ids.size(); ++i) {
    while (item < items.size() && at >= items[item].end) ++item;
    if (item == items.size()) break;
    if (at >= items[item].begin) items[item].logprob += std::min(result.logprobs[i], 0.0);
    at += decoder.add(result.ids[i]).size();
  }
  return true;
}

}  // namespace relata::extract
