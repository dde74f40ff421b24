#include "icl_answer.h"

#include <algorithm>
#include <cmath>

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

class ItemReader {
 public:
  ItemReader(const AskedQuestion& asked, std::vector<TemplatePart> parts)
      : asked_(asked), parts_(std::move(parts)) {}

  std::optional<IclItem> read(std::string_view text) {
    problem_.clear();
    return match(0, text, {});
  }
  const std::string& problem() const { return problem_; }

 private:
  // A literal ends the field before it wherever that gives good fields; the first reading counts.
  std::optional<IclItem> match(size_t part, std::string_view rest, const IclItem& so_far) {
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

  std::optional<IclItem> match_field(size_t part, std::string_view value, std::string_view rest,
                                     const IclItem& so_far) {
    IclItem item = so_far;
    const std::string& name = parts_[part].text;
    if (name == "label") {
      const auto found = std::find_if(asked_.labels.begin(), asked_.labels.end(),
                                      [&](const IclLabel& label) { return label.name == value; });
      if (found == asked_.labels.end()) return fail(value, "is not a label of the schema");
      item.label = static_cast<int>(found - asked_.labels.begin());
    } else {
      if (!is_grounded(std::string(value))) {
        return fail(value, asked_.names.empty() ? "does not stand in the text"
                                                : "is not one of the entities");
      }
      (name == "tail" ? item.tail : item.span) = std::string(value);
    }
    return match(part + 1, rest, item);
  }

  bool is_grounded(const std::string& value) const {
    if (asked_.names.empty()) {
      return !data::find_mentions(asked_.question.document->text, value).empty();
    }
    return std::find(asked_.names.begin(), asked_.names.end(), value) != asked_.names.end();
  }

  std::optional<IclItem> fail(std::string_view value, const std::string& reason) {
    if (problem_.empty()) problem_ = "\"" + std::string(value) + "\" " + reason;
    return std::nullopt;
  }

  const AskedQuestion& asked_;
  std::vector<TemplatePart> parts_;
  std::string problem_;
};

// Adds the probability of each item: of its tokens and of going on to it.
void add_scores(const text::Tokenizer& tokenizer, const generate::GenerateResult& result,
                std::vector<AnswerItem> places, std::vector<ScoredItem>& items) {
  if (result.logprobs.empty() || !score_items(tokenizer, result, places)) return;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].score = std::exp(std::min(places[i].logprob, 0.0));
  }
}

}  // namespace

generate::AnswerShape icl_shape(const IclPrompter& prompter, const AskedQuestion& asked) {
  generate::AnswerShape shape;
  shape.separator = prompter.extractor().icl.separator;
  shape.nothing = prompter.extractor().icl.nothing;
  for (const TemplatePart& part : prompter.item_parts(asked.question.task)) {
    AnswerField field;
    if (!part.placeholder) {
      field.text = part.text;
    } else if (part.text == "label") {
      field.kind = AnswerField::Kind::Choice;
      for (const IclLabel& label : asked.labels) field.choices.push_back(label.name);
    } else if (!asked.names.empty()) {
      field.kind = AnswerField::Kind::Choice;
      field.choices = asked.names;
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
  ItemReader reader(asked, trimmed_parts(prompter.item_parts(asked.question.task)));
  IclAnswer out;
  std::vector<AnswerItem> places;
  const std::string_view text = result.text;
  const size_t length = text.find_last_not_of(" \r\n\t") + 1;
  size_t before = 0;  // the end of the item before
  for (size_t begin = 0; begin < length;) {
    const size_t end = std::min(text.find(icl.separator, begin), length);
    const std::string_view chunk = trimmed(text.substr(begin, end - begin));
    const bool cut = result.finish == "length" && end == length;
    begin = end + icl.separator.size();
    if (chunk.empty() || chunk == trimmed(icl.nothing)) continue;
    const auto item = cut ? std::nullopt : reader.read(chunk);
    if (!item) {
      if (!out.problem.empty()) continue;
      out.problem = cut ? "cut off after " + std::to_string(result.ids.size()) + " tokens"
                    : reader.problem().empty()
                        ? "\"" + std::string(chunk) + "\" is not in the template's form"
                        : reader.problem();
      continue;
    }
    const bool known = std::any_of(out.items.begin(), out.items.end(),
                                   [&](const ScoredItem& other) { return other.item == *item; });
    if (known) continue;
    out.items.push_back({*item, std::nullopt});
    places.push_back({{}, before, end, 0.0});
    before = end;
  }
  if (tokenizer != nullptr) add_scores(*tokenizer, result, std::move(places), out.items);
  return out;
}

}  // namespace relata::extract
