// `relata completion`: shell completion, generated from the verbs and flags themselves.
#include <fmt/format.h>

#include <memory>

#include "command_io.h"
#include "commands.h"
#include "help.h"

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

std::string bash_script(const CLI::App& root) {
  return "_relata() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=relata words='' word\n"
         "  for word in \"${COMP_WORDS[@]:1:2}\"; do\n"
         "    case \"$word\" in -*|\"$current\"|*/*|*.*) break ;; *) path=\"$path $word\" ;; esac\n"
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
      if (*shell == "fish") script = fish_lines(app, "__fish_use_subcommand");
      RELATA_CHECK(write_result("", script));
      return kDone;
    };
  });
}

}  // namespace relata::app
