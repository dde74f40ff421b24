#include "extract/extract_run.h"

#include <algorithm>
#include <optional>
#include <span>

#include "io/command_io.h"
#include "relata/base/atomic_file.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"
#include "relata/extract/icl.h"
#include "relata/extract/pair.h"

namespace relata::app {

Result<std::shared_ptr<const generate::AnswerCompiler>> make_compiler(
    const generate::Engine& engine) {
  const auto tokenizer = engine.shared_tokenizer();
  if (tokenizer == nullptr) return std::shared_ptr<const generate::AnswerCompiler>();
  return generate::make_answer_compiler(tokenizer);
}

extract::FactOptions fact_options(const ExtractJob& job) {
  extract::FactOptions options;
  if (job.batch > 0) options.batch = job.batch;
  options.min_score = job.min_score;
  options.closure = job.closure;
  options.use_entities = job.use_entities;
  return options;
}

namespace {

// Counts what it passes on.
class CountedDocuments : public data::DocumentSource {
 public:
  CountedDocuments(data::DocumentSource& source, bool pairs) : source_(source), pairs_(pairs) {}
  Result<std::optional<data::Document>> next() override {
    RELATA_TRY(auto document, source_.next());
    if (!document) return document;
    ++documents_;
    questions_ += pairs_ ? static_cast<size_t>(extract::count_queries(*document)) : 1;
    return document;
  }
  Result<bool> ready() override { return source_.ready(); }
  size_t documents() const { return documents_; }
  size_t questions() const { return questions_; }

 private:
  data::DocumentSource& source_;
  bool pairs_;
  size_t documents_ = 0;
  size_t questions_ = 0;
};

// Takes the results as they come.
class ResultWriter {
 public:
  // `constrained`: what a constraint lets through always parses, but for the end of an answer that
  // was cut off; of these only questions that were not answered are failures.
  ResultWriter(const ExtractJob& job, bool pairs, bool constrained, ExtractResults& results)
      : job_(job), pairs_(pairs), constrained_(constrained), results_(results) {}

  Status open() {
    if (job_.silent || job_.output.empty() || job_.output == "-") return {};
    RELATA_TRY(AtomicFile created, AtomicFile::create(job_.output));
    file_.emplace(std::move(created));
    return {};
  }

  Status take(data::Document document) {
    pairs_ ? list_pair_failures(document) : list_failures(document);
    results_.examples += extract::demonstration_counts(document);
    const std::string line = job_.silent ? "" : data::to_json_line(document) + "\n";
    if (job_.keep) results_.kept.push_back(std::move(document));
    if (job_.silent) return {};
    if (!file_) return write_result("", line);
    return file_->write(std::as_bytes(std::span(line.data(), line.size())));
  }

  Status finish() { return file_ ? file_->finish() : Status(); }

 private:
  void list_failures(const data::Document& document) {
    if (!document.meta.is_object() || !document.meta.contains("unparsed")) return;
    for (const Json& note : document.meta["unparsed"]) {
      if (constrained_ && !note.value("unanswered", false)) {
        ++results_.cut_off;
        continue;
      }
      Json line = {{"id", document.id}};
      line.update(note);
      results_.failures.push_back(json_line(line));
    }
  }

  void list_pair_failures(const data::Document& document) {
    for (const extract::UnparsedAnswer& failure : extract::unparsed_answers(document)) {
      results_.failures.push_back(json_line({{"id", failure.document},
                                             {"head", failure.head},
                                             {"tail", failure.tail},
                                             {"problem", failure.problem},
                                             {"answer", failure.answer}}));
    }
  }

  const ExtractJob& job_;
  bool pairs_;
  bool constrained_;
  ExtractResults& results_;
  std::optional<AtomicFile> file_;
};

// Asks in the way of the extractor's pipeline.
Status answer_all(const extract::Extractor& extractor, generate::Engine& engine,
                  const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                  const ExtractJob& job, const extract::DocumentRun& run) {
  const std::string& pipeline = extractor.config.pipeline;
  Progress progress("extracting", job.total, extract::asks_pairs(pipeline) ? "pairs" : "documents");
  const auto count = [&](auto& options) {
    options.progress = [&progress](int64_t done) { progress.update(done); };
    options.skipped = [&progress](int64_t work) { progress.skip(work); };
  };
  if (extract::asks_pairs(pipeline)) {
    extract::PairOptions options;
    if (job.batch > 0) options.batch = job.batch;
    options.min_score = job.min_score;
    count(options);
    return extract::extract_documents(extractor, engine, options, run);
  }
  if (extract::asks_steps(pipeline)) {
    extract::FactOptions options = fact_options(job);
    count(options);
    return extract::extract_fact_documents(extractor, engine, compiler, options, run);
  }
  extract::IclOptions options;
  if (job.batch > 0) options.batch = job.batch;
  options.use_entities = job.use_entities;
  options.min_score = job.min_score;
  count(options);
  return extract::extract_icl_documents(extractor, engine, compiler, options, run);
}

}  // namespace

int64_t count_work(const extract::Extractor& extractor,
                   const std::vector<data::Document>& documents) {
  if (!extract::asks_pairs(extractor.config.pipeline)) return std::ssize(documents);
  int64_t pairs = 0;
  for (const data::Document& document : documents) pairs += extract::count_queries(document);
  return pairs;
}

Result<ExtractResults> run_extraction(const extract::Extractor& extractor, generate::Engine& engine,
                                      data::DocumentSource& documents, const ExtractJob& job) {
  const std::string& pipeline = extractor.config.pipeline;
  const bool pairs = extract::asks_pairs(pipeline);
  std::shared_ptr<const generate::AnswerCompiler> compiler;
  if (!pairs) {
    RELATA_TRY(compiler, make_compiler(engine));
  }
  const bool constrained = extract::asks_steps(pipeline) &&
                           extractor.config.decode == "constrained" && compiler != nullptr;
  ExtractResults results;
  ResultWriter writer(job, pairs, constrained, results);
  RELATA_CHECK(writer.open());
  CountedDocuments given(documents, pairs);
  const auto take = [&](data::Document document) { return writer.take(std::move(document)); };
  RELATA_CHECK(answer_all(extractor, engine, compiler, job, {given, job.journal, take}));
  RELATA_CHECK(writer.finish());
  if (results.cut_off > 0) {
    log_warning(counted(results.cut_off, "answer") + (results.cut_off == 1 ? " was" : " were") +
                " cut off at max_new_tokens: what they had begun last is left out (meta.unparsed)");
  }
  results.documents = given.documents();
  results.questions = given.questions();
  return results;
}

}  // namespace relata::app
