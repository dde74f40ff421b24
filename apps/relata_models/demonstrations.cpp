#include "demonstrations.h"

#include <fmt/format.h>

#include <map>

#include "command_io.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/log.h"
#include "relata/data/formats.h"

namespace relata::app {
namespace {

constexpr const char* kPoolFile = "demonstrations.jsonl";

retrieve::QueryForm query_form(const std::string& name) {
  if (name == "sentence") return retrieve::QueryForm::Sentence;
  return name == "masked" ? retrieve::QueryForm::Masked : retrieve::QueryForm::Pair;
}

class PoolSource : public extract::DemonstrationSource {
 public:
  explicit PoolSource(retrieve::ExamplePool pool) : pool_(std::move(pool)) {}

  Result<extract::FoundDemonstrations> find(const extract::DemonstrationQuery& query,
                                            size_t most) const override {
    RELATA_TRY(const auto found,
               pool_.find({query.document, query.head, query.tail, query.event_type, query.diverse},
                          most));
    extract::FoundDemonstrations out;
    out.duplicates = found.duplicates;
    for (const retrieve::FoundExample& hit : found.best) {
      const retrieve::Example& example = pool_.examples()[hit.example];
      out.best.push_back({&pool_.documents()[example.document], example.head, example.tail,
                          example.labels, hit.score});
    }
    return out;
  }
  std::string identity() const override { return pool_.identity(); }

 private:
  retrieve::ExamplePool pool_;
};

// Which pairs can be shown: those whose labels the schema has. Counts the others' labels.
class LabelFilter {
 public:
  explicit LabelFilter(const data::Schema& schema) : schema_(schema) {}
  bool operator()(const retrieve::Example& example) {
    if (example.labels.empty()) return schema_.negative() >= 0;
    for (const std::string& label : example.labels) {
      if (schema_.find(label) >= 0) continue;
      ++unknown_[label];
      return false;
    }
    return true;
  }
  void report(const std::string& pool) const {
    if (unknown_.empty()) return;
    std::string names;
    int64_t examples = 0;
    constexpr size_t kShown = 5;
    size_t shown = 0;
    for (const auto& [label, count] : unknown_) {
      examples += count;
      if (shown++ < kShown) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", label);
    }
    if (unknown_.size() > kShown) names += fmt::format(" and {} more", unknown_.size() - kShown);
    log_warning(fmt::format("{}: {} left out, since the schema does not have the {} {}", pool,
                            counted(static_cast<size_t>(examples), "example"),
                            unknown_.size() == 1 ? "label" : "labels", names));
  }

 private:
  const data::Schema& schema_;
  std::map<std::string, int64_t> unknown_;
};

Result<retrieve::RankerMaker> ranker_maker(const extract::DemonstrationSettings& settings) {
  using Passages = std::vector<retrieve::Passage>;
  const std::string& name = settings.retriever;
  if (name == "bm25") {
    return retrieve::RankerMaker(
        [](Passages passages) { return retrieve::make_bm25_ranker(std::move(passages), {}); });
  }
  if (name == "random") {
    const auto seed = static_cast<uint64_t>(settings.seed);
    return retrieve::RankerMaker(
        [seed](Passages passages) -> Result<std::shared_ptr<const retrieve::Ranker>> {
          return retrieve::make_random_ranker(std::move(passages), seed);
        });
  }
  return usage_error("retriever " + name + ": this version has no encoder", "use bm25");
}

std::string pool_text(const std::vector<data::Document>& documents) {
  std::string out;
  for (const data::Document& document : documents) out += data::to_json_line(document) + "\n";
  return out;
}

}  // namespace

Result<std::shared_ptr<const extract::DemonstrationSource>> make_demonstrations(
    std::vector<data::Document> documents, const extract::DemonstrationSettings& settings,
    const PoolOptions& options) {
  RELATA_TRY(const auto make_ranker, ranker_maker(settings));
  LabelFilter filter(*options.schema);
  retrieve::PoolOptions pool;
  pool.unit = options.unit;
  pool.form = query_form(settings.query);
  pool.near_duplicate = settings.near_duplicate;
  pool.diversity = settings.diversity;
  if (options.unit == retrieve::ExampleUnit::Pair) {
    pool.accept = [&filter](const data::Document&, const retrieve::Example& example) {
      return filter(example);
    };
  }
  auto made = retrieve::ExamplePool::make(std::move(documents), pool, make_ranker);
  filter.report(options.name);
  if (!made.ok()) {
    return Error{made.error().code, options.name + ": " + made.error().message, made.error().hint};
  }
  return std::shared_ptr<const extract::DemonstrationSource>(
      std::make_shared<PoolSource>(std::move(*made)));
}

retrieve::ExampleUnit example_unit(const std::string& pipeline) {
  return extract::asks_pairs(pipeline) ? retrieve::ExampleUnit::Pair
                                       : retrieve::ExampleUnit::Document;
}

Result<std::vector<data::Document>> read_pool(const std::vector<std::string>& paths,
                                              const std::string& format) {
  std::vector<data::Document> out;
  for (const std::string& path : paths) {
    data::ReadOptions options;
    options.format = format;
    RELATA_TRY(data::Dataset dataset, data::read_dataset(path, options));
    std::move(dataset.documents.begin(), dataset.documents.end(), std::back_inserter(out));
  }
  return out;
}

Status open_demonstrations(extract::Extractor& extractor) {
  if (!extract::uses_demonstrations(extractor.config.pipeline)) return {};
  const extract::DemonstrationSettings& settings = extractor.config.demonstrations;
  if (settings.examples == 0 && settings.vote == 0) return {};
  const std::string path = extractor.pool_path();
  if (!file_exists(path)) {
    return usage_error(path + ": no such file; the extractor shows examples from it",
                       "put it back, give another with --pool, or ask without: --examples 0");
  }
  RELATA_TRY(const std::string content, read_file(path));
  if (!settings.pool_sha256.empty() && sha256_hex(content) != settings.pool_sha256) {
    return usage_error(path +
                           ": is not the pool that the extractor was made with (its SHA-256 "
                           "differs)",
                       "put the old file back, or remove pool_sha256 from extractor.yaml to use "
                       "this one");
  }
  data::ReadOptions read;
  read.format = "jsonl";
  RELATA_TRY(data::Dataset dataset, data::parse_dataset(content, path, read));
  RELATA_TRY(extractor.demonstrations, make_demonstrations(std::move(dataset.documents), settings,
                                                           {example_unit(extractor.config.pipeline),
                                                            &extractor.schema, path}));
  return {};
}

Status save_pool(const std::vector<data::Document>& documents, extract::Extractor& extractor) {
  const std::string text = pool_text(documents);
  extractor.config.demonstrations.pool = kPoolFile;
  extractor.config.demonstrations.pool_sha256 = sha256_hex(text);
  RELATA_CHECK(make_folders(extractor.folder));
  return write_file_atomic(extractor.pool_path(), text);
}

void report_examples(const extract::DemonstrationCounts& counts, size_t questions) {
  if (questions == 0) return;
  log_info(
      fmt::format("{:.1f} examples a question; {} left out as the question itself, exactly or "
                  "nearly",
                  static_cast<double>(counts.shown) / static_cast<double>(questions),
                  counted(static_cast<size_t>(counts.duplicates), "example")));
  if (counts.too_long > 0) {
    log_warning(
        fmt::format("{} times an example was left out that is longer than all examples may "
                    "be (max_tokens)",
                    counts.too_long));
  }
  if (counts.no_room > 0) {
    log_info(fmt::format("{} times an example was left out for want of room", counts.no_room));
  }
}

}  // namespace relata::app
