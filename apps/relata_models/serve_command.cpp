// `relata serve`: extractors over HTTP.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <set>

#include "backend_options.h"
#include "commands.h"
#include "extract/extract_run.h"
#include "extract/extractor_flags.h"
#include "help.h"
#include "io/command_io.h"
#include "relata/base/host.h"
#include "relata/base/log.h"
#include "relata/extract/pair.h"
#include "relata/serve/server.h"

namespace relata::app {
namespace {

struct ServeOptions {
  std::vector<std::string> extractors;
  BackendOptions backend;
  serve::ServerOptions server;
};

// An extractor and what answers its questions.
struct Loaded {
  extract::Extractor extractor;
  std::unique_ptr<generate::Engine> engine;
  std::shared_ptr<const generate::AnswerCompiler> compiler;
};

Result<std::vector<data::Document>> extract_from(const Loaded& loaded,
                                                 const std::vector<data::Document>& documents,
                                                 double min_score) {
  const auto& [extractor, engine, compiler] = loaded;
  const std::string& pipeline = extractor.config.pipeline;
  if (extract::asks_pairs(pipeline)) {
    extract::PairOptions options;
    options.min_score = min_score;
    return extract::extract_documents(extractor, *engine, documents, options, "");
  }
  if (extract::asks_steps(pipeline)) {
    extract::FactOptions options;
    options.min_score = min_score;
    return extract::extract_fact_documents(extractor, *engine, compiler, documents, options, "");
  }
  extract::IclOptions options;
  options.min_score = min_score;
  return extract::extract_icl_documents(extractor, *engine, compiler, documents, options, "");
}

Result<serve::Service> open_service(const std::string& folder, const ServeOptions& options,
                                    const Context& context) {
  ExtractorFlags flags;
  flags.extractor = folder;
  flags.served = options.backend.backend != "native";
  RELATA_TRY(extract::Extractor extractor, open_extractor(flags));
  const bool pairs = extract::asks_pairs(extractor.config.pipeline);
  RELATA_CHECK(check_backend(options.backend, extractor.config.decode, !pairs));
  RELATA_TRY(auto engine, open_backend(options.backend, extractor, context));
  RELATA_TRY(auto compiler, make_compiler(*engine));
  serve::Service out;
  const std::filesystem::path path = std::filesystem::path(extractor.folder).lexically_normal();
  out.name = (path.has_filename() ? path : path.parent_path()).filename().string();
  out.pipeline = extractor.config.pipeline;
  out.schema = extractor.schema;
  out.needs_entities = pairs;
  const auto loaded = std::make_shared<Loaded>(
      Loaded{std::move(extractor), std::move(engine), std::move(compiler)});
  out.extract = [loaded](const std::vector<data::Document>& documents, double min_score) {
    return extract_from(*loaded, documents, min_score);
  };
  return out;
}

Result<int> run_serve(const ServeOptions& options, const Context& context) {
  std::vector<std::string> folders = options.extractors;
  if (folders.empty()) folders.emplace_back();  // the one that is shipped
  std::vector<serve::Service> services;
  std::set<std::string> names;
  for (const std::string& folder : folders) {
    RELATA_TRY(serve::Service service, open_service(folder, options, context));
    if (!names.insert(service.name).second) {
      return usage_error(fmt::format("two extractors are called {}", service.name),
                         "requests name an extractor by its folder: rename one of them");
    }
    services.push_back(std::move(service));
  }
  RELATA_TRY(const auto server, serve::Server::open(std::move(services), options.server));
  const std::string place =
      fmt::format("http://{}:{}/", url_host(options.server.host), server->port());
  RELATA_CHECK(write_result(
      "", context.json ? json_line({{"url", place}}) + "\n" : "listening on " + place + "\n"));
  if (!is_loopback_host(options.server.host)) {
    log_warning(options.server.api_key.empty()
                    ? "whoever reaches this address can use it: there is no key and no encryption"
                    : "what is sent to this address, the key too, is not encrypted");
  }
  server->run();
  return kDone;
}

}  // namespace

void add_serve_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* verb = add_verb(
      app, "serve", "Extractors over HTTP, and a page to try them on",
      "Loads extractors once and answers requests until Ctrl-C. Open the address in a browser, or\n"
      "POST {\"text\": \"...\"} to /v1/extract; the answer is the record that `relata extract`\n"
      "writes. Requests that come together are answered together.",
      {"relata serve", "relata serve -x out/finre -x out/redocred --port 8000",
       "curl http://127.0.0.1:8080/v1/extract -H 'Content-Type: text/plain' \\\n"
       "    --data-binary @report.txt"});
  verb->add_option("-x,--extractor", options->extractors,
                   "Extractor folder; several may be given (default: the one that relata ships)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  verb->add_option("--host", options->server.host,
                   "Address to listen on (default: 127.0.0.1, this machine alone)")
      ->type_name("H");
  verb->add_option("--port", options->server.port, "Port (default: 8080); 0: any that is free")
      ->type_name("N")
      ->check(CLI::Range(0, 65535));
  verb->add_option("--requests", options->server.threads,
                   "Requests under way at once (default: 8); more wait")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  verb->add_option(
          "--api-key", options->server.api_key,
          "What requests must bring as Authorization: Bearer KEY. Better in the environment,\n"
          "where other users of the machine do not see it")
      ->envname("RELATA_API_KEY")
      ->type_name("KEY");
  verb->add_option("--most-bytes", options->server.most_bytes,
                   "Of one request; larger ones are refused (default: 16 MiB)")
      ->type_name("N")
      ->check(CLI::Range(size_t{1}, size_t{1} << 40));
  add_backend_options(*verb, options->backend);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_serve(*options, context); };
  });
}

}  // namespace relata::app
