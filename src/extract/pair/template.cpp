#include "relata/extract/template.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "relata/text/utf8.h"
#include "template_parts.h"

namespace relata::extract {
namespace {

const data::Entity& entity_at(const data::Document& document, int index) {
  if (index < 0 || static_cast<size_t>(index) >= document.entities.size()) {
    throw std::logic_error("document " + document.id + " has no entity number " +
                           std::to_string(index));
  }
  return document.entities[static_cast<size_t>(index)];
}

std::string where_of(const PairTemplate& pair_template) {
  return "template \"" + pair_template.name + "\"";
}

// The label's name for people; a label that the schema does not know stands for itself.
const std::string& relation_name(const data::Schema& schema, const std::string& label) {
  const int index = schema.find(label);
  if (index < 0) return label;
  const data::RelationType& type = schema.relation_types[static_cast<size_t>(index)];
  return type.name.empty() ? type.id : type.name;
}

std::string replace_all(const std::string& text, const std::string& from, const std::string& to) {
  if (from.empty()) return text;
  std::string out;
  size_t begin = 0;
  for (size_t found = text.find(from); found != std::string::npos; found = text.find(from, begin)) {
    out.append(text, begin, found - begin);
    out += to;
    begin = found + from.size();
  }
  out.append(text, begin);
  return out;
}

// CRE-LLM's way: the tail is replaced in the text that already holds the head's brackets, so that
// overlapping names nest ("[[X]YZ]") or stay unmarked.
std::string mark_by_rewriting(const PairTemplate& pair_template, const data::Document& document,
                              const std::string& head, const std::string& tail) {
  const auto& markers = pair_template.markers;
  const std::string edited = replace_all(document.text, head, markers[0] + head + markers[1]);
  return replace_all(edited, tail, markers[2] + tail + markers[3]);
}

struct Span {
  size_t begin = 0;
  size_t end = 0;
  bool tail = false;
  bool operator==(const Span&) const = default;
};

void add_spans(const std::vector<text::ByteRange>& mentions, bool tail, size_t size,
               std::vector<Span>& spans) {
  for (const text::ByteRange& mention : mentions) {
    if (mention.begin < mention.end && mention.end <= size) {
      spans.push_back({mention.begin, mention.end, tail});
    }
  }
}

// Markers always nest: the longer span is the outer one, the head's where both are equal, and a
// span that crosses another is closed at the other's end and opened again behind it.
std::string mark_spans(const PairTemplate& pair_template, const data::Document& document,
                       const data::Entity& head, const data::Entity& tail) {
  const auto& markers = pair_template.markers;
  const std::string& text = document.text;
  std::vector<Span> spans;
  add_spans(head.mentions, false, text.size(), spans);
  add_spans(tail.mentions, true, text.size(), spans);
  auto outer_first = [](const Span& a, const Span& b) {
    return a.end != b.end ? a.end > b.end : a.tail < b.tail;
  };
  std::sort(spans.begin(), spans.end(), [&](const Span& a, const Span& b) {
    return a.begin != b.begin ? a.begin < b.begin : outer_first(a, b);
  });
  spans.erase(std::unique(spans.begin(), spans.end()), spans.end());

  std::set<size_t> stops;
  for (const Span& span : spans) stops.insert({span.begin, span.end});
  std::string out;
  std::vector<Span> open;
  size_t next = 0;
  size_t copied = 0;
  for (const size_t at : stops) {
    out.append(text, copied, at - copied);
    copied = at;
    std::vector<Span> opening;
    auto ends_here = [&](const Span& span) { return span.end == at; };
    while (std::any_of(open.begin(), open.end(), ends_here)) {
      out += markers[open.back().tail ? 3 : 1];
      if (!ends_here(open.back())) opening.push_back(open.back());
      open.pop_back();
    }
    for (; next < spans.size() && spans[next].begin == at; ++next) opening.push_back(spans[next]);
    std::stable_sort(opening.begin(), opening.end(), outer_first);
    for (const Span& span : opening) {
      out += markers[span.tail ? 2 : 0];
      open.push_back(span);
    }
  }
  out.append(text, copied);
  return out;
}

// A vocabulary's symbols hold no white space.
std::string without_spaces(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

std::string render_one_answer(const std::vector<TemplatePart>& parts, const std::string& head,
                              const std::string& tail, const std::string& relation) {
  const bool symbol = !parts.empty() && !parts[0].placeholder && parts[0].text.starts_with("<");
  std::string out;
  for (const TemplatePart& part : parts) {
    if (!part.placeholder) {
      out += part.text;
    } else if (part.text == "relation") {
      out += symbol ? without_spaces(relation) : relation;
    } else {
      out += part.text == "head" ? head : tail;
    }
  }
  return out;
}

}  // namespace

namespace {

std::string marked_sentence(const PairTemplate& pair_template, const data::Document& document,
                            const data::Entity& head, const data::Entity& tail) {
  if (pair_template.marking == "none") return document.text;
  if (pair_template.marking == "rewrite") {
    return mark_by_rewriting(pair_template, document, head.text, tail.text);
  }
  return mark_spans(pair_template, document, head, tail);
}

std::string relation_list(const data::Schema& schema) {
  std::string out;
  for (const data::RelationType& type : schema.relation_types) {
    out += (out.empty() ? "" : ", ") + relation_name(schema, type.id);
  }
  return out;
}

// Of a checked template.
std::string rendered_example(const PairTemplate& pair_template,
                             const std::vector<TemplatePart>& parts, const data::Schema& schema,
                             const Demonstration& example) {
  const data::Document& document = *example.document;
  const data::Entity& head = entity_at(document, example.head);
  const data::Entity& tail = entity_at(document, example.tail);
  std::string out;
  for (const TemplatePart& part : parts) {
    if (!part.placeholder) {
      out += part.text;
    } else if (part.text == "sentence") {
      out += marked_sentence(pair_template, document, head, tail);
    } else if (part.text == "answer") {
      out += render_answer(pair_template, schema, document, example.head, example.tail,
                           example.labels);
    } else {
      out += part.text == "head" ? head.text : tail.text;
    }
  }
  return out;
}

}  // namespace

Result<std::string> render_example(const PairTemplate& pair_template, const data::Schema& schema,
                                   const Demonstration& example) {
  RELATA_TRY(const auto parts, example_parts(pair_template, where_of(pair_template)));
  return rendered_example(pair_template, parts, schema, example);
}

bool shows_examples(const PairTemplate& pair_template) { return !pair_template.example.empty(); }

Result<RenderedPrompt> render_prompt(const PairTemplate& pair_template, const data::Schema& schema,
                                     const PairQuestion& question) {
  RELATA_CHECK(check_pair_template(pair_template, where_of(pair_template)));
  RELATA_TRY(const auto parts, prompt_parts(pair_template, where_of(pair_template)));
  RELATA_TRY(const auto shown, example_parts(pair_template, where_of(pair_template)));
  const data::Document& document = *question.document;
  const data::Entity& head = entity_at(document, question.head);
  const data::Entity& tail = entity_at(document, question.tail);
  const bool plain_sentence = pair_template.marking == "none";
  RenderedPrompt out;
  bool sentence_seen = false;
  bool pair_seen = false;
  for (const TemplatePart& part : parts) {
    const bool is_sentence = part.placeholder && part.text == "sentence";
    const bool needs_pair =
        part.placeholder && (part.text == "head" || part.text == "tail" ||
                             part.text == "examples" || (is_sentence && !plain_sentence));
    if (needs_pair && !pair_seen) {
      pair_seen = true;
      if (sentence_seen) out.shared = out.text.size();
    }
    if (!part.placeholder) {
      out.text += part.text;
    } else if (part.text == "instruction") {
      out.text += pair_template.instruction;
    } else if (part.text == "head") {
      out.text += head.text;
    } else if (part.text == "tail") {
      out.text += tail.text;
    } else if (part.text == "relations") {
      out.text += relation_list(schema);
    } else if (part.text == "examples") {
      for (const Demonstration& example : question.examples) {
        out.text += rendered_example(pair_template, shown, schema, example);
      }
    } else {
      out.text += marked_sentence(pair_template, document, head, tail);
    }
    sentence_seen = sentence_seen || (is_sentence && plain_sentence);
  }
  if (!pair_seen && sentence_seen) out.shared = out.text.size();
  return out;
}

// A pair without a stated label has the schema's negative one: the answer is then as definite as
// any other, which both training and scoring need.
std::string render_answer(const PairTemplate& pair_template, const data::Schema& schema,
                          const data::Document& document, int head, int tail,
                          const std::vector<std::string>& labels) {
  const auto parts = answer_parts(pair_template, where_of(pair_template)).value();
  const std::string& head_text = entity_at(document, head).text;
  const std::string& tail_text = entity_at(document, tail).text;
  auto render = [&](const std::string& label) {
    return render_one_answer(parts, head_text, tail_text, relation_name(schema, label));
  };
  if (labels.empty()) {
    const int negative = schema.negative();
    return negative < 0 ? "" : render(schema.relation_types[static_cast<size_t>(negative)].id);
  }
  std::string out;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += pair_template.joiner;
    out += render(labels[i]);
  }
  return out;
}

ParsedAnswer parse_answer(const PairTemplate& pair_template, const data::Schema& schema,
                          const data::Document& document, int head, int tail,
                          std::string_view answer) {
  const auto parts = answer_parts(pair_template, where_of(pair_template)).value();
  const std::string& head_text = entity_at(document, head).text;
  const std::string& tail_text = entity_at(document, tail).text;
  struct Form {
    std::string text;
    const std::string* label;
  };
  std::vector<Form> forms;
  forms.reserve(schema.relation_types.size());
  for (const data::RelationType& type : schema.relation_types) {
    forms.push_back(
        {render_one_answer(parts, head_text, tail_text, relation_name(schema, type.id)), &type.id});
  }
  // One label's form may begin another's.
  std::stable_sort(forms.begin(), forms.end(),
                   [](const Form& a, const Form& b) { return a.text.size() > b.text.size(); });

  ParsedAnswer out;
  const std::string& joiner = pair_template.joiner;
  auto fail = [&](const std::string& reason, std::string_view rest) {
    out.problem = reason + ": \"" + std::string(rest) + "\"";
    return out;
  };
  if (answer.empty()) {
    out.problem = "the answer is empty";
    return out;
  }
  std::string_view rest = answer;
  while (true) {
    const auto form = std::find_if(forms.begin(), forms.end(), [&](const Form& candidate) {
      if (candidate.text.empty() || !rest.starts_with(candidate.text)) return false;
      const std::string_view after = rest.substr(candidate.text.size());
      return after.empty() || after.starts_with(joiner);
    });
    if (form == forms.end()) return fail("no label of the schema in the template's form", rest);
    if (std::find(out.labels.begin(), out.labels.end(), *form->label) == out.labels.end()) {
      out.labels.push_back(*form->label);
    }
    rest.remove_prefix(form->text.size());
    if (rest.empty()) return out;
    rest.remove_prefix(joiner.size());
    if (rest.empty()) return fail("nothing follows the joiner", joiner);
  }
}

std::vector<std::string> template_symbols(const PairTemplate& pair_template,
                                          const data::Schema& schema) {
  std::vector<std::string> out;
  auto add = [&](const std::string& symbol) {
    if (std::find(out.begin(), out.end(), symbol) == out.end()) out.push_back(symbol);
  };
  if (pair_template.marking != "none") {
    for (const std::string& marker : pair_template.markers) {
      if (text::count_code_points(marker) > 1) add(marker);
    }
  }
  const auto parts = answer_parts(pair_template, where_of(pair_template)).value();
  const bool one_symbol = parts.size() == 3 && !parts[0].placeholder &&
                          parts[0].text.starts_with("<") && uses_placeholder(parts, "relation") &&
                          parts[1].placeholder && parts[2].text.ends_with(">");
  if (one_symbol) {
    for (const data::RelationType& type : schema.relation_types) {
      add(render_one_answer(parts, "", "", relation_name(schema, type.id)));
    }
  }
  return out;
}

}  // namespace relata::extract
