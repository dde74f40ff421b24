// `relata`: the verbs that need no model run here, see program.h.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "program.h"

namespace relata::app {
namespace {

constexpr std::array<std::string_view, 4> kOwnVerbs = {"evaluate", "data", "schema", "tokenizer"};

bool runs_here(int argc, char** argv) {
  const std::string word = verb_word(argc, argv);
  if (word.empty())
    return std::find(argv, argv + argc, std::string_view("--version")) != argv + argc;
  return std::find(kOwnVerbs.begin(), kOwnVerbs.end(), word) != kOwnVerbs.end();
}

#ifdef RELATA_MODELS_FROM_BIN
// Goes on as relata-models; returns only when that cannot be started.
int become_models_program(char** argv) {
  const std::string path = (program_folder() / RELATA_MODELS_FROM_BIN).lexically_normal().string();
  execv(path.c_str(), argv);
  return report_error(
      resource_error(fmt::format("{}: cannot be started: {}", path, std::strerror(errno)),
                     "it belongs to relata and comes with it: build or install relata again"));
}
#endif

int run_here(int argc, char** argv) {
  return run_program({{add_evaluate_command, add_data_command, add_schema_command,
                       add_tokenizer_command, add_completion_command},
                      nullptr},
                     argc, argv);
}

}  // namespace
}  // namespace relata::app

int main(int argc, char** argv) {
#ifdef RELATA_MODELS_FROM_BIN
  if (!relata::app::runs_here(argc, argv)) return relata::app::become_models_program(argv);
#endif
  return relata::app::run_here(argc, argv);
}
