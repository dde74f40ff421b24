#include "template_parts.h"

#include <algorithm>

#include "relata/base/fields.h"
#include "relata/text/utf8.h"

namespace relata::extract {
namespace {

std::string placeholder_list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ", ";
    out += "{" + name + "}";
  }
  return out;
}

Error brace_error(const std::string& where, std::string_view brace) {
  return usage_error(where + ": single \"" + std::string(brace) + "\"",
                     "write {{ or }} for a literal brace, {name} for a placeholder");
}

}  // namespace

Result<std::vector<TemplatePart>> split_template(std::string_view text, const std::string& where,
                                                 const std::vector<std::string>& allowed) {
  std::vector<TemplatePart> parts;
  auto add_literal = [&](char c) {
    if (parts.empty() || parts.back().placeholder) parts.push_back({false, ""});
    parts.back().text += c;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      add_literal(c);
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {
      add_literal(c);
      ++i;
      continue;
    }
    if (c == '}') return brace_error(where, "}");
    const size_t close = text.find('}', i);
    if (close == std::string_view::npos) return brace_error(where, "{");
    std::string name(text.substr(i + 1, close - i - 1));
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      const auto nearest = nearest_name(name, allowed);
      return usage_error(where + ": unknown placeholder {" + name + "}",
                         nearest ? "did you mean {" + *nearest + "}?"
                                 : "known here: " + placeholder_list(allowed));
    }
    parts.push_back({true, std::move(name)});
    i = close;
  }
  return parts;
}

Result<std::vector<TemplatePart>> prompt_parts(const PairTemplate& pair_template,
                                               const std::string& where) {
  return split_template(pair_template.prompt, where + ": prompt",
                        {"instruction", "sentence", "head", "tail", "relations", "examples"});
}

Result<std::vector<TemplatePart>> example_parts(const PairTemplate& pair_template,
                                                const std::string& where) {
  return split_template(pair_template.example, where + ": example",
                        {"sentence", "head", "tail", "answer"});
}

Result<std::vector<TemplatePart>> answer_parts(const PairTemplate& pair_template,
                                               const std::string& where) {
  return split_template(pair_template.answer, where + ": answer", {"head", "tail", "relation"});
}

bool uses_placeholder(const std::vector<TemplatePart>& parts, std::string_view name) {
  return std::any_of(parts.begin(), parts.end(), [&](const TemplatePart& part) {
    return part.placeholder && part.text == name;
  });
}

Status check_pair_template(const PairTemplate& pair_template, const std::string& where) {
  if (pair_template.prompt.empty()) {
    return usage_error(where + ": prompt is missing",
                       "a prompt holds at least {sentence}, {head} and {tail}");
  }
  for (const std::string* text :
       {&pair_template.name, &pair_template.instruction, &pair_template.prompt,
        &pair_template.answer, &pair_template.joiner, &pair_template.example}) {
    if (text::find_invalid_utf8(*text)) {
      return usage_error(where + ": not valid UTF-8", "save the template as UTF-8");
    }
  }
  const std::string& marking = pair_template.marking;
  if (marking != "none" && marking != "rewrite" && marking != "spans") {
    return usage_error(where + ": marking: unknown value \"" + marking + "\"",
                       "one of none, rewrite, spans");
  }
  if (pair_template.markers.size() != 4) {
    return usage_error(
        where + ": markers: " + std::to_string(pair_template.markers.size()) + " given, 4 wanted",
        "head open, head close, tail open, tail close");
  }
  RELATA_TRY(const auto prompt, prompt_parts(pair_template, where));
  RELATA_CHECK(example_parts(pair_template, where));
  if (uses_placeholder(prompt, "examples") != !pair_template.example.empty()) {
    return usage_error(
        where + (pair_template.example.empty() ? ": prompt: {examples} without the key example"
                                               : ": example: the prompt has no {examples}"),
        "example says how {examples} shows each of them");
  }
  RELATA_TRY(const auto answer, answer_parts(pair_template, where));
  if (!uses_placeholder(answer, "relation")) {
    return usage_error(where + ": answer: no {relation}", "the answer must hold the label");
  }
  return {};
}

}  // namespace relata::extract
