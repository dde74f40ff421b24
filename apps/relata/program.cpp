#include "program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <new>
#include <sstream>
#include <system_error>

#include "help.h"
#include "io/standard_output.h"
#include "relata/base/input_failure.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"
#include "relata/base/temporary_file.h"
#include "relata/base/version.h"
#include "relata/base/visible_text.h"

namespace relata::app {
namespace {

const char* volatile interrupt_hint = "";

void write_raw(const char* text) {
  // Nothing can be done in a signal handler about a closed stderr.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
}

extern "C" void on_interrupt(int) {
  remove_temporary_files();
  write_raw("\nrelata: interrupted\n");
  write_raw(interrupt_hint);
  if (*interrupt_hint != '\0') write_raw("\n");
  _exit(kInterrupted);
}

// Ends the process as the signal does without a handler.
extern "C" void on_end(int number) {
  remove_temporary_files();
  signal(number, SIG_DFL);
  raise(number);
}

// Signals that are ignored from outside, as by nohup, stay so.
void handle_end(int number) {
  struct sigaction action = {};
  sigaction(number, nullptr, &action);
  if (action.sa_handler == SIG_IGN) return;
  action.sa_handler = on_end;
  sigfillset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

// A file that the program opens must not become its standard output or error because those were
// closed. Nothing can be written to what stands in for them, so that results are not lost silently.
void fill_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      [[maybe_unused]] const int filled = open("/dev/null", O_RDONLY);  // the lowest free one: fd
    }
  }
}

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  sigfillset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  handle_end(SIGTERM);
  handle_end(SIGHUP);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file-size limit (ulimit -f) is then an error of the write
}

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return 2;
    case ErrorCode::kBadInput:
      return 3;
    case ErrorCode::kResource:
      return 5;
    case ErrorCode::kInternal:
      break;
  }
  return 1;
}

const char* general_hint(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "see `relata --help`";
    case ErrorCode::kBadInput:
      return "mend what is named, or leave it out, and run the same command again";
    case ErrorCode::kResource:
      return "see to what is named, then run the same command again";
    case ErrorCode::kInternal:
      break;
  }
  return "this is a fault of relata: report it with the command and this message";
}

std::string check_device(const std::string& device) {
  const bool numbered = device.rfind("cuda:", 0) == 0 && device.size() > 5 &&
                        device.find_first_not_of("0123456789", 5) == std::string::npos;
  if (device == "cpu" || device == "cuda" || device == "mps" || numbered) return "";
  return fmt::format("'{}' is not cpu, cuda, cuda:N or mps", device);
}

// What does not fit would become another number without a word.
std::string check_seed(const std::string& text) {
  uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, seed);
  if (code == std::errc() && stop == end) return "";
  return fmt::format("'{}' is not a whole number from 0 to {}", text,
                     std::numeric_limits<uint64_t>::max());
}

void add_shared_flags(CLI::App& app, Context& context) {
  app.set_version_flag("--version", "relata " + program_version(), "Print the version");
  app.add_flag("--json", context.json, "Print the result on stdout as JSON")
      ->envname("RELATA_JSON");
  auto* quiet = app.add_flag("-q,--quiet", context.quiet, "Only warnings and errors on stderr")
                    ->envname("RELATA_QUIET");
  app.add_flag("-v,--verbose", context.verbose, "More on stderr about what happens")
      ->envname("RELATA_VERBOSE")
      ->excludes(quiet);
  app.add_option("--threads", context.threads, "CPU threads (default: all that there are)")
      ->envname("RELATA_THREADS")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("--device", context.device,
                 "Where models run: cpu, cuda, cuda:1, mps (default: cpu)")
      ->envname("RELATA_DEVICE")
      ->type_name("D")
      ->check(CLI::Validator(check_device, "", "device"));
  app.add_option("--seed", context.seed,
                 "Seed of everything random (default: 0, or what a configuration says)")
      ->each([&context](const std::string&) { context.seed_given = true; })
      ->envname("RELATA_SEED")
      ->type_name("N")
      ->check(CLI::Validator(check_seed, "", "seed"));
  app.add_option("--log-file", context.log_file, "Also write log lines to this file")
      ->envname("RELATA_LOG_FILE")
      ->type_name("F");
  app.add_flag("--no-progress", context.no_progress, "No progress bars on stderr")
      ->envname("RELATA_NO_PROGRESS");
}

Status apply_shared_flags(const Program& program, const Context& context) {
  if (context.quiet) set_log_level(LogLevel::kQuiet);
  if (context.verbose) set_log_level(LogLevel::kVerbose);
  if (context.quiet || context.no_progress) set_progress_mode(ProgressMode::kOff);
  if (context.threads > 0 && program.set_threads != nullptr) program.set_threads(context.threads);
  if (program.set_device != nullptr) program.set_device(context.device);
  if (context.log_file == "-") {
    return usage_error("--log-file: - is no file",
                       "log lines go to standard error without it; name a file for a copy");
  }
  if (!context.log_file.empty()) RELATA_CHECK(set_log_file(context.log_file));
  return {};
}

Result<int> run_action(const Program& program, const Context& context) {
  RELATA_CHECK(apply_shared_flags(program, context));
  if (!context.action) return internal_error("the verb has nothing to run");
  return context.action();
}

// Results that were printed are done only when they have left this process.
int finish_output(int code) {
  const Status flushed = flush_stdout();
  if (flushed.ok()) return code;
  return reader_has_gone() ? end_without_reader() : report_error(flushed.error());
}

int run(const Program& program, int argc, char** argv) {
  Context context;
  context.open_encoder = program.open_encoder;
  CLI::App app("Turns text into relations with local language models.\n", "relata");
  set_help_style(app);
  app.fallthrough();
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  relata train recipes/finre.yaml output_dir=out/finre\n"
      "  relata extract -x out/finre news.jsonl -o relations.jsonl\n"
      "  relata evaluate --gold test.jsonl --pred relations.jsonl --metric pair-micro\n\n"
      "Every flag above may also stand in the environment, as RELATA_THREADS=2.\n"
      "Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input, 4 some items failed,\n"
      "5 a resource failed, 130 interrupted, 141 whoever read the output went away (| head).");
  add_shared_flags(app, context);
  for (const auto add_verb : program.verbs) add_verb(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream page;
    const int code = app.exit(success, page);
    std::fputs(page.str().c_str(), stdout);
    return finish_output(code);
  } catch (const CLI::ParseError& problem) {
    return report_error(explain_parse_error(app, problem));
  }
  const Result<int> result = run_action(program, context);
  if (result.ok()) return finish_output(*result);
  if (reader_has_gone()) return end_without_reader();
  const bool usage = result.error().code == ErrorCode::kUsage;
  return report_error(result.error(),
                      usage ? fmt::format("see `relata {} --help`", chosen_verb(app)) : "");
}

}  // namespace

std::vector<std::string> with_shared_flags(const Context& context,
                                           std::vector<std::string> overrides) {
  if (context.seed_given) overrides.insert(overrides.begin(), fmt::format("seed={}", context.seed));
  return overrides;
}

int report_error(const Error& error, const std::string& fallback_hint) {
  std::string hint = error.hint.empty() ? fallback_hint : error.hint;
  if (hint.empty()) hint = general_hint(error.code);
  const std::string text =
      "relata: " + visible_text(error.message) + "\n" + visible_text(hint) + "\n";
  write_raw(text.c_str());
  log_error(error.message);
  log_error("hint: " + hint);
  return exit_code(error.code);
}

std::filesystem::path program_folder() {
  std::error_code code;  // a kernel without /proc: the folder is "", the current one
  return std::filesystem::read_symlink("/proc/self/exe", code).parent_path();
}

std::string program_version() { return version(); }

void set_interrupt_hint(const char* hint) { interrupt_hint = hint; }

int run_program(const Program& program, int argc, char** argv) {
  fill_standard_streams();
  install_signal_handlers();
  try {
    return run(program, argc, argv);
  } catch (const std::bad_alloc&) {
    return report_error(resource_error(
        "out of memory", "use a smaller model or batch, or a machine with more memory"));
  } catch (const InputFailure& problem) {
    return report_error(input_error(problem.what()));
  } catch (const std::system_error& problem) {  // fmt::print() throws it when it cannot write
    if (problem.code() == std::errc::broken_pipe) return end_without_reader();
    return report_error(resource_error(problem.what()));
  } catch (const std::exception& problem) {
    if (program.explain != nullptr) {
      if (const auto error = program.explain(problem)) return report_error(*error);
    }
    return report_error(internal_error(problem.what()));
  }
}

std::string verb_word(int argc, const char* const* argv) {
  Context context;
  CLI::App flags;
  flags.set_help_flag();
  add_shared_flags(flags, context);
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    const size_t value = word.find('=');
    const CLI::Option* flag =
        word.rfind('-', 0) == 0 ? flags.get_option_no_throw(word.substr(0, value)) : nullptr;
    if (flag == nullptr) return word;
    if (value == std::string::npos && flag->get_items_expected_max() > 0) ++i;
  }
  return "";
}

}  // namespace relata::app
