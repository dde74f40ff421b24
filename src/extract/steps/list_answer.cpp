#include "list_answer.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "item_reader.h"

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

ItemReader<Binding> item_reader(const StepTemplate& step, const data::Schema& schema,
                                const CheckField& check) {
  return {item_parts(step), [&](const std::string& name, std::string_view value, Binding& item) {
            const Variables field = variable_named(name);
            std::string problem;
            if (field == kRelation) {
              item.relation = relation_named(schema, value);
              if (item.relation < 0) problem = "not a relation of the schema";
            } else {
              (field == kHead ? item.head : item.tail) = std::string(value);
            }
            if (problem.empty()) problem = check(item, field);
            return problem.empty() ? "" : "\"" + std::string(value) + "\": " + problem;
          }};
}

}  // namespace

ListAnswer parse_list_answer(const PipelineSpec& spec, const StepTemplate& step,
                             const data::Schema& schema, const CheckField& check,
                             std::string_view text) {
  ItemReader<Binding> reader = item_reader(step, schema, check);
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
