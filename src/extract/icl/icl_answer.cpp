#include "icl_answer.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "item_reader.h"
#include "relata/base/trim.h"
#include "steps/list_answer.h"

namespace relata::extract {
namespace {

using generate::AnswerField;

// The item's parts without the white space that begins an item.
std::vector<TemplatePart> trimmed_parts(std::vector<TemplatePart> parts) {
  if (parts.front().placeholder) return parts;
  parts.front().text.erase(0, parts.front().text.find_first_not_of(' '));
  if (parts.front().text.empty()) parts.erase(parts.begin());
  return parts;
}

bool is_grounded(const AskedQuestion& asked, const std::string& value) {
  if (asked.names.empty()) {
    return !data::find_mentions(asked.question.document->text, value).empty();
  }
  return std::find(asked.names.begin(), asked.names.end(), value) != asked.names.end();
}

// What is wrong with the value of a field, or "".
std::string take_field(const AskedQuestion& asked, const std::string& name, std::string_view value,
                       IclItem& item) {
  const std::string quoted = "\"" + std::string(value) + "\" ";
  if (name == "label") {
    const auto found = std::find_if(asked.labels.begin(), asked.labels.end(),
                                    [&](const IclLabel& label) { return label.name == value; });
    if (found == asked.labels.end()) return quoted + "is not a label of the schema";
    item.label = static_cast<int>(found - asked.labels.begin());
    return "";
  }
  if (!is_grounded(asked, std::string(value))) {
    return quoted +
           (asked.names.empty() ? "does not stand in the text" : "is not one of the entities");
  }
  (name == "tail" ? item.tail : item.span) = std::string(value);
  return "";
}

// Adds the probability of each item: of its tokens and of going on to it. Servers tell their own
// tokens' text (`tokenizer` is null), if any.
void add_scores(const text::Tokenizer* tokenizer, const generate::GenerateResult& result,
                std::vector<AnswerItem> places, std::vector<ScoredItem>& items) {
  if (result.logprobs.empty() || !score_items(tokenizer, result, places)) return;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].score = std::exp(std::min(places[i].logprob, 0.0));
  }
}

}  // namespace

generate::AnswerShape icl_shape(const IclPrompter& prompter, const AskedQuestion& asked,
                                std::vector<UnwritableName>& left_out) {
  generate::AnswerShape shape;
  shape.separator = prompter.extractor().icl.separator;
  shape.nothing = prompter.extractor().icl.nothing;
  const std::vector<TemplatePart> parts = prompter.item_parts(asked.question.task);
  for (size_t i = 0; i < parts.size(); ++i) {
    const TemplatePart& part = parts[i];
    AnswerField field;
    if (!part.placeholder) {
      field.text = part.text;
    } else if (part.text == "label") {
      field.kind = AnswerField::Kind::Choice;
      for (const IclLabel& label : asked.labels) field.choices.push_back(label.name);
    } else if (!asked.names.empty()) {
      field.kind = AnswerField::Kind::Choice;
      field.choices = asked.names;
      auto unwritable = take_unwritable(
          field.choices,
          {part.text, i + 1 < parts.size() ? parts[i + 1].text : shape.separator, ""});
      std::move(unwritable.begin(), unwritable.end(), std::back_inserter(left_out));
    } else {
      field.kind = AnswerField::Kind::Span;
    }
    shape.item.push_back(std::move(field));
  }
  return shape;
}

IclAnswer read_icl_answer(const IclPrompter& prompter, const AskedQuestion& asked,
                          const text::Tokenizer* tokenizer,
                          const generate::GenerateResult& result) {
  const IclTemplate& icl = prompter.extractor().icl;
  ItemReader<IclItem> reader(trimmed_parts(prompter.item_parts(asked.question.task)),
                             [&](const std::string& name, std::string_view value, IclItem& item) {
                               return take_field(asked, name, value, item);
                             });
  IclAnswer out;
  if (!result.problem.empty()) {
    out.problem = result.problem;
    out.unanswered = true;
    return out;
  }
  std::vector<AnswerItem> places;
  const std::string_view text = result.text;
  const size_t length = text.find_last_not_of(" \r\n\t") + 1;
  if (length == 0) out.problem = "the answer is empty";
  // Items end here at the latest: what was cut off may be a part of one.
  size_t limit = length;
  if (result.finish == "length") {
    const size_t last = text.substr(0, length).rfind(icl.separator);
    limit = last == std::string_view::npos ? 0 : last;
  }
  size_t before = 0;  // the end of the item before
  for (size_t begin = 0; begin < length;) {
    const size_t first = begin;
    size_t end = std::min(text.find(icl.separator, first), length);
    const std::string_view chunk = trimmed(text.substr(first, end - first));
    const bool cut = end > limit;
    begin = end + icl.separator.size();
    if (chunk.empty() || chunk == trimmed(icl.nothing)) continue;
    std::string problem;  // of the chunk
    std::optional<IclItem> item;
    if (!cut) item = read_list_item(reader, text, first, limit, icl.separator, end, problem);
    begin = end + icl.separator.size();
    if (!item) {
      if (!out.problem.empty()) continue;
      out.problem = cut ? cut_off_problem(result, prompter.extractor().config.max_new_tokens)
                    : problem.empty()
                        ? "\"" + std::string(chunk) + "\" is not in the template's form"
                        : problem;
      continue;
    }
    const bool known = std::any_of(out.items.begin(), out.items.end(),
                                   [&](const ScoredItem& other) { return other.item == *item; });
    if (known) continue;
    out.items.push_back({*item, std::nullopt});
    places.push_back({{}, before, end, 0.0});
    before = end;
  }
  add_scores(tokenizer, result, std::move(places), out.items);
  return out;
}

}  // namespace relata::extract
