#include "help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

namespace relata::app {
namespace {

const char* const kSharedFlags =
    "Shared flags (anywhere on the line): --json -q/--quiet -v/--verbose --threads N --device D\n"
    "  --seed N --log-file F --no-progress; `relata --help` explains them.";

// A parent's list shows only the first line of each verb's description.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* verb) const override {
    std::string description = verb->get_description();
    description.resize(std::min(description.find('\n'), description.size()));
    return fmt::format("  {:<12} {}\n", verb->get_name(), description);
  }

  // Ranges, choices and environment names are in the descriptions and the footer already.
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string type = option->get_type_name();
    type.resize(std::min(type.find_first_of(": "), type.size()));
    if (option->get_items_expected_max() == 0) type.clear();
    if (option->get_positional()) return option->get_items_expected_max() > 1 ? " ..." : "";
    return (type.empty() ? "" : " " + type) + (option->get_required() ? " (required)" : "");
  }
};

const CLI::App& deepest_verb(const CLI::App& root) {
  const CLI::App* verb = &root;
  while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().back();
  return *verb;
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::App* app = &verb; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::string help_hint(const CLI::App& root) {
  const std::string verb = chosen_verb(root);
  return verb.empty() ? "see `relata --help`" : fmt::format("see `relata {} --help`", verb);
}

Error unknown_verb(const CLI::App& root, const CLI::App& verb, const std::string& word) {
  const std::vector<std::string> names = verb_names(verb);
  const std::string kind =
      &verb == &root ? "verb" : fmt::format("`relata {}` verb", chosen_verb(root));
  const auto nearest = nearest_name(word, names);
  if (nearest) {
    return usage_error(fmt::format("unknown {} '{}'", kind, word),
                       fmt::format("did you mean '{}'? {}", *nearest, help_hint(root)));
  }
  return usage_error(
      fmt::format("unknown {} '{}'; there are: {}", kind, word, fmt::join(names, ", ")),
      help_hint(root));
}

Error unexpected_word(const CLI::App& root, const CLI::App& verb, const std::string& word) {
  if (word.empty() || word.front() != '-') {
    return usage_error(fmt::format("unexpected argument '{}'", word), help_hint(root));
  }
  const auto nearest = nearest_name(word.substr(0, word.find('=')), flag_names(verb));
  const std::string hint = nearest ? fmt::format("did you mean '{}'? ", *nearest) : "";
  return usage_error(fmt::format("unknown flag '{}'", word), hint + help_hint(root));
}

}  // namespace

CLI::App* add_verb(CLI::App& parent, const std::string& name, const std::string& summary,
                   const std::string& purpose, const std::vector<std::string>& examples) {
  CLI::App* verb = parent.add_subcommand(name, summary + "\n\n" + purpose + "\n");
  verb->footer(fmt::format("Examples:\n  {}\n\n{}", fmt::join(examples, "\n  "), kSharedFlags));
  return verb;
}

CLI::Validator number_in(const NumberRange& range) {
  const auto check = [range](const std::string& text) -> std::string {
    double number = 0;
    if (CLI::detail::lexical_cast(text, number) && range.holds(number)) return "";
    return fmt::format("'{}' is not a number {}", text, range.text());
  };
  return {check, "", "number"};
}

void set_help_style(CLI::App& root) {
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(30);
  formatter->label("SUBCOMMAND", "VERB");
  root.formatter(formatter);
  root.group("Verbs");
  root.set_help_flag("-h,--help", "This page");
}

std::string chosen_verb(const CLI::App& root) {
  std::string path;
  const CLI::App* verb = &root;
  while (!verb->get_subcommands().empty()) {
    verb = verb->get_subcommands().back();
    path += (path.empty() ? "" : " ") + verb->get_name();
  }
  return path;
}

Error explain_parse_error(const CLI::App& root, const CLI::ParseError& problem) {
  const CLI::App& verb = deepest_verb(root);
  const std::vector<std::string> words = root.remaining(true);
  const bool wants_verb = !verb.get_subcommands(nullptr).empty();
  if (wants_verb) {
    for (const std::string& word : words) {
      if (!word.empty() && word.front() != '-') return unknown_verb(root, verb, word);
    }
  }
  if (!words.empty()) return unexpected_word(root, verb, words.front());
  if (wants_verb) {
    return usage_error(fmt::format("`relata{}{}` needs a verb: {}", &verb == &root ? "" : " ",
                                   chosen_verb(root), fmt::join(verb_names(verb), ", ")),
                       help_hint(root));
  }
  return usage_error(problem.what(), help_hint(root));
}

}  // namespace relata::app
