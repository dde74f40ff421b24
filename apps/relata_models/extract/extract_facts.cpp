#include "extract/extract_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "command_io.h"
#include "relata/base/atomic_file.h"
#include "relata/base/progress.h"

namespace relata::app {

Result<std::shared_ptr<const generate::AnswerCompiler>> make_compiler(
    const generate::Engine& engine) {
  const auto tokenizer = engine.shared_tokenizer();
  if (tokenizer == nullptr) return std::shared_ptr<const generate::AnswerCompiler>();
  return generate::make_answer_compiler(tokenizer);
}

namespace {

// What a constraint lets through always parses: there only questions that were not answered count.
void list_failures(const data::Document& document, bool constrained,
                   std::vector<std::string>& failures) {
  if (!document.meta.is_object() || !document.meta.contains("unparsed")) return;
  for (const Json& note : document.meta["unparsed"]) {
    if (constrained && !note.value("unanswered", false)) continue;
    Json line = {{"id", document.id}};
    line.update(note);
    failures.push_back(json_line(line));
  }
}

}  // namespace

Result<FactResults> run_facts(const extract::Extractor& extractor, generate::Engine& engine,
                              const std::vector<data::Document>& documents, FactJob job) {
  RELATA_TRY(const auto compiler, make_compiler(engine));
  std::optional<AtomicFile> file;
  if (!job.output.empty() && job.output != "-") {
    RELATA_TRY(AtomicFile created, AtomicFile::create(job.output));
    file.emplace(std::move(created));
  }
  Progress progress("extracting", std::ssize(documents), "documents");
  job.options.progress = [&progress](int64_t done) { progress.update(done); };
  job.options.skipped = [&progress](int64_t count) { progress.skip(count); };
  const bool constrained = extractor.config.decode == "constrained" && compiler != nullptr;
  FactResults results;
  job.options.finished = [&](const data::Document& document) -> Status {
    list_failures(document, constrained, results.failures);
    if (job.keep) results.kept.push_back(document);
    if (job.silent) return {};
    const std::string line = data::to_json_line(document) + "\n";
    if (!file) return write_result("", line);
    return file->write(std::as_bytes(std::span(line.data(), line.size())));
  };
  RELATA_CHECK(extract::extract_fact_documents(extractor, engine, compiler, documents, job.options,
                                               job.journal));
  progress.finish();
  if (file) RELATA_CHECK(file->finish());
  return results;
}

Result<FactResults> run_in_context(const extract::Extractor& extractor, generate::Engine& engine,
                                   const std::vector<data::Document>& documents,
                                   const FactJob& job) {
  RELATA_TRY(const auto compiler, make_compiler(engine));
  Progress progress("extracting", std::ssize(documents), "documents");
  extract::IclOptions options;
  options.use_entities = job.options.use_entities;
  options.min_score = std::max(job.options.min_score, 0.0);
  options.progress = [&progress](int64_t done) { progress.update(done); };
  options.skipped = [&progress](int64_t count) { progress.skip(count); };
  FactResults results;
  RELATA_TRY(results.kept, extract::extract_icl_documents(extractor, engine, compiler, documents,
                                                          options, job.journal));
  progress.finish();
  std::string lines;
  for (const data::Document& document : results.kept) {
    list_failures(document, false, results.failures);
    lines += data::to_json_line(document) + "\n";
  }
  RELATA_CHECK(write_result(job.output, lines));
  return results;
}

}  // namespace relata::app
