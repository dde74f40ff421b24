// What both programs do around their verbs: shared flags, signals, errors and exit codes.
//
// The verbs live in two programs, because LibTorch's libraries take 0.2 s to load and most verbs do
// not need them. Users call `relata` (main.cpp); it runs its own verbs and hands every other
// command line over to `relata-models` (apps/relata_models), which has all verbs.
#pragma once

#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"

namespace relata::app {

struct Program {
  std::vector<void (*)(CLI::App&, Context&)> verbs;  // in the order of the help page
  void (*set_threads)(int) = nullptr;  // what --threads N does besides Context::threads
  void (*set_device)(const std::string&) = nullptr;  // what --device D does besides Context::device
  Result<std::unique_ptr<retrieve::Encoder>> (*open_encoder)(const retrieve::EncoderOptions&) =
      nullptr;  // Context::open_encoder
  // An exception of a library that the user can do something about; nothing for others.
  std::optional<Error> (*explain)(const std::exception&) = nullptr;
};

// A command line from its first word to the exit code.
int run_program(const Program& program, int argc, char** argv);

// The word that chooses the verb, before anything is parsed: the first one that is neither a shared
// flag nor the value of one. An unknown flag and a request for help count as such a word, "" means
// that there is none.
std::string verb_word(int argc, const char* const* argv);

// "relata: " and the error on stderr, as far as that takes it, and in the log file; the exit code
// that belongs to it. What to do is the error's hint, the fallback or what its code tells.
int report_error(const Error& error, const std::string& fallback_hint = "");

// Where the running program lies.
std::filesystem::path program_folder();

}  // namespace relata::app
