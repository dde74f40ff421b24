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

struct OwnVerb {
  std::string_view name;
  void (*add)(CLI::App&, Context&);
};
constexpr std::array<OwnVerb, 6> kOwnVerbs = {{{"evaluate", add_evaluate_command},
                                               {"data", add_data_command},
                                               {"schema", add_schema_command},
                                               {"graph", add_graph_command},
                                               {"index", add_index_command},
                                               {"tokenizer", add_tokenizer_command}}};

#ifdef RELATA_MODELS_FROM_BIN
bool runs_here(int argc, char** argv) {
  const std::string word = verb_word(argc, argv);
  if (word.empty()) return std::count(argv, argv + argc, std::string_view("--version")) > 0;
  return std::any_of(kOwnVerbs.begin(), kOwnVerbs.end(),
                     [&](const OwnVerb& verb) { return verb.name == word; });
}

char** command_line = nullptr;

// Goes on as relata-models; returns only when that cannot be started.
Error become_models_program() {
  const std::string path = (program_folder() / RELATA_MODELS_FROM_BIN).lexically_normal().string();
  execv(path.c_str(), command_line);
  return resource_error(fmt::format("{}: cannot be started: {}", path, std::strerror(errno)),
                        "it belongs to relata and comes with it: build or install relata again");
}

Result<std::unique_ptr<retrieve::Encoder>> open_encoder(const retrieve::EncoderOptions&) {
  return become_models_program();
}
#else
Result<std::unique_ptr<retrieve::Encoder>> open_encoder(const retrieve::EncoderOptions&) {
  return usage_error("this relata was built without LibTorch, which encoders need",
                     "build it with the preset release, as `./dev build` does");
}

constexpr std::array<std::string_view, 11> kAbsentVerbs = {
    "train",     "extract", "calibrate", "generate", "score", "encode",
    "retriever", "serve",   "model",     "pull",     "doctor"};

bool is_absent(const std::string& word) {
  return std::find(kAbsentVerbs.begin(), kAbsentVerbs.end(), word) != kAbsentVerbs.end();
}
#endif

int run_here(int argc, char** argv) {
  Program program;
  for (const OwnVerb& verb : kOwnVerbs) program.verbs.push_back(verb.add);
  program.verbs.push_back(add_completion_command);
  program.open_encoder = open_encoder;
  return run_program(program, argc, argv);
}

}  // namespace
}  // namespace relata::app

int main(int argc, char** argv) {
#ifdef RELATA_MODELS_FROM_BIN
  relata::app::command_line = argv;
  if (!relata::app::runs_here(argc, argv)) {
    return relata::app::report_error(relata::app::become_models_program());
  }
#else
  if (const std::string word = relata::app::verb_word(argc, argv); relata::app::is_absent(word)) {
    return relata::app::report_error(
        relata::usage_error("this relata was built without LibTorch, which '" + word + "' needs",
                            "build it with the preset release, as `./dev build` does"));
  }
#endif
  return relata::app::run_here(argc, argv);
}
