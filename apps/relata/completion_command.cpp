// `relata completion`: shell completion, generated from the verbs and flags themselves.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"

namespace relata::app {
namespace {

std::string words_after(const CLI::App& verb) {
  std::string words;
  for (const CLI::App* inner : verb.get_subcommands(nullptr)) words += inner->get_name() + " ";
  for (const CLI::App* app = &verb; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (name != "help" || app == &verb) words += "--" + name + " ";
      }
    }
  }
  if (!words.empty()) words.pop_back();
  return words;
}

std::string bash_cases(const CLI::App& verb, const std::string& path) {
  std::string cases = fmt::format("    '{}') words='{}' ;;\n", path, words_after(verb));
  for (const CLI::App* inner : verb.get_subcommands(nullptr)) {
    cases += bash_cases(*inner, path + " " + inner->get_name());
  }
  return cases;
}

// The paths of all verbs below, as alternatives of a shell's case: 'relata data'|'relata data
// stats'.
std::string verb_paths(const CLI::App& verb, const std::string& path) {
  std::string paths;
  for (const CLI::App* inner : verb.get_subcommands(nullptr)) {
    const std::string own = path + " " + inner->get_name();
    const std::string below = verb_paths(*inner, own);
    paths +=
        fmt::format("{}'{}'{}{}", paths.empty() ? "" : "|", own, below.empty() ? "" : "|", below);
  }
  return paths;
}

// Shared flags whose next word is no verb: --threads|--seed.
std::string flags_with_values(const CLI::App& root) {
  std::string flags;
  for (const CLI::Option* option : root.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    for (const std::string& name : option->get_lnames())
      flags += (flags.empty() ? "--" : "|--") + name;
  }
  return flags;
}

// Shared flags may stand before and between verbs. Bash makes three words of --threads=2.
std::string bash_script(const CLI::App& root) {
  return "_relata() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=relata words='' word i\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    word=\"${COMP_WORDS[i]}\"\n"
         "    case \"$word\" in\n"
         "    " +
         flags_with_values(root) +
         ")\n"
         "      if [ \"${COMP_WORDS[i+1]}\" = '=' ]; then i=$((i + 2)); else i=$((i + 1)); fi ;;\n"
         "    -*) ;;\n"
         "    *)\n"
         "      case \"$path $word\" in\n"
         "      " +
         verb_paths(root, "relata") +
         ") path=\"$path $word\" ;;\n"
         "      *) break ;;\n"
         "      esac ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         bash_cases(root, "relata") +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _relata relata\n";
}

std::string zsh_script(const CLI::App& root) {
  return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(root);
}

std::string fish_lines(const CLI::App& verb, const std::string& condition) {
  std::string lines;
  for (const CLI::App* inner : verb.get_subcommands(nullptr)) {
    std::string summary = inner->get_description();
    summary.resize(std::min(summary.find('\n'), summary.size()));
    lines += fmt::format("complete -c relata -n '{}' -f -a {} -d '{}'\n", condition,
                         inner->get_name(), summary);
    lines += fish_lines(*inner, "__fish_seen_subcommand_from " + inner->get_name());
  }
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::string where =
          verb.get_parent() == nullptr ? "" : fmt::format("-n '{}' ", condition);
      lines += fmt::format("complete -c relata {}-l {}\n", where, name);
    }
  }
  return lines;
}

// __fish_use_subcommand would take the value of a shared flag for a verb.
std::string no_verb_yet(const CLI::App& root) {
  std::string condition = "not __fish_seen_subcommand_from";
  for (const CLI::App* verb : root.get_subcommands(nullptr)) condition += " " + verb->get_name();
  return condition;
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = add_verb(app, "completion", "Tab completion for bash, zsh or fish",
                            "Prints a script that completes verbs and flags.",
                            {"source <(relata completion bash)",
                             "relata completion fish > ~/.config/fish/completions/relata.fish"});
  verb->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([shell, &app, &context] {
    context.action = [shell, &app]() -> Result<int> {
      std::string script = *shell == "bash" ? bash_script(app) : zsh_script(app);
      if (*shell == "fish") script = fish_lines(app, no_verb_yet(app));
      RELATA_CHECK(write_result("", script));
      return kDone;
    };
  });
}

}  // namespace relata::app
