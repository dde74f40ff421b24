#include "extract/demonstrations.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "extract/pool_labels.h"
#include "io/command_io.h"
#include "model_places.h"
#include "models/hub_models.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/log.h"
#include "relata/data/formats.h"
#include "relata/extract/icl.h"
#include "relata/retrieve/dense_ranker.h"

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
    const retrieve::ExampleQuery asked{query.document, query.head,
                                       query.tail,     query.event_type,
                                       query.diverse,  retrieve::ie_task_of_name(query.task),
                                       query.event};
    RELATA_TRY(const auto found, pool_.find(asked, most));
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
    int64_t examples = 0;
    for (const auto& [label, count] : unknown_) examples += count;
    log_warning(fmt::format("{}: {} left out, since the schema does not have the {} {}", pool,
                            counted(static_cast<size_t>(examples), "example"),
                            unknown_.size() == 1 ? "label" : "labels", label_list(unknown_)));
  }

 private:
  const data::Schema& schema_;
  std::map<std::string, int64_t> unknown_;
};

using Passages = std::vector<retrieve::Passage>;
using MadeRanker = Result<std::shared_ptr<const retrieve::Ranker>>;

MadeRanker rank_by_words(Passages passages) {
  // What tags mark is found by the words that they stand around.
  for (retrieve::Passage& passage : passages) passage.text = retrieve::untagged_text(passage.text);
  return retrieve::make_bm25_ranker(std::move(passages), {});
}

MadeRanker rank_by_both(const Passages& passages, const retrieve::DenseRankerOptions& options) {
  RELATA_TRY(auto words, rank_by_words(passages));
  RELATA_TRY(auto vectors, retrieve::make_dense_ranker(passages, options));
  return retrieve::make_fused_ranker({std::move(words), std::move(vectors)});
}

bool needs_encoder(const extract::DemonstrationSettings& settings) {
  return settings.retriever == "dense" || settings.retriever == "fused";
}

Result<retrieve::DenseRankerOptions> open_encoder(const extract::Extractor& extractor) {
  const extract::DemonstrationSettings& settings = extractor.config.demonstrations;
  if (settings.encoder.empty()) {
    return usage_error("retriever " + settings.retriever + " needs an encoder",
                       "name the folder of one with --encoder (`./dev models minilm` fetches one), "
                       "or use --retriever bm25");
  }
  retrieve::DenseRankerOptions out;
  out.opened.model = example_encoder_path(extractor);
  if (!file_exists(out.opened.model)) {
    return usage_error(settings.encoder + ": no such encoder; the extractor finds examples with it",
                       "put it there, name another with --encoder, or use --retriever bm25");
  }
  RELATA_TRY(out.encoder, retrieve::make_encoder(out.opened));
  const std::string& identity = out.encoder->identity();
  if (!settings.encoder_sha256.empty() && settings.encoder_sha256 != identity) {
    return usage_error(out.opened.model +
                           ": is not the encoder that the extractor was made with (" +
                           settings.encoder_sha256 + ", this is " + identity + ")",
                       "put the old one back, or remove encoder_sha256 from extractor.yaml to use "
                       "this one");
  }
  if (const std::string cache = user_cache(); !cache.empty()) out.cache = cache + "/vectors";
  return out;
}

retrieve::RankerMaker ranker_maker(const extract::DemonstrationSettings& settings,
                                   const retrieve::DenseRankerOptions& dense) {
  if (settings.retriever == "dense") {
    return [dense](Passages passages) {
      return retrieve::make_dense_ranker(std::move(passages), dense);
    };
  }
  if (settings.retriever == "fused") {
    return [dense](const Passages& passages) { return rank_by_both(passages, dense); };
  }
  if (settings.retriever == "random") {
    const auto seed = static_cast<uint64_t>(settings.seed);
    return [seed](Passages passages) -> MadeRanker {
      return retrieve::make_random_ranker(std::move(passages), seed);
    };
  }
  return rank_by_words;
}

// The tasks that the pipeline icl will ask for.
std::vector<retrieve::IeTask> tasks_of(const extract::Extractor& extractor) {
  std::vector<std::string> names = extractor.config.tasks;
  if (names.empty()) {
    for (const extract::IclTask task : extract::icl_tasks_of(extractor.schema)) {
      names.push_back(extract::icl_task_name(task));
    }
  }
  std::vector<retrieve::IeTask> out;
  for (const std::string& name : names) {
    if (const auto task = retrieve::ie_task_of_name(name)) out.push_back(*task);
  }
  return out;
}

// Those of them that the schema has labels for; the pipeline refuses others by name.
std::vector<retrieve::IeTask> answerable(const extract::Extractor& extractor) {
  const auto possible = extract::icl_tasks_of(extractor.schema);
  std::vector<retrieve::IeTask> out = tasks_of(extractor);
  std::erase_if(out, [&](retrieve::IeTask task) {
    return std::none_of(possible.begin(), possible.end(), [&](extract::IclTask other) {
      return extract::icl_task_name(other) == retrieve::ie_task_name(task);
    });
  });
  return out;
}

retrieve::PoolOptions pool_options(const extract::Extractor& extractor) {
  const extract::DemonstrationSettings& settings = extractor.config.demonstrations;
  retrieve::PoolOptions out;
  out.unit = extract::asks_pairs(extractor.config.pipeline) ? retrieve::ExampleUnit::Pair
                                                            : retrieve::ExampleUnit::Document;
  out.form = query_form(settings.query);
  out.near_duplicate = settings.near_duplicate;
  out.diversity = settings.diversity;
  return out;
}

std::string pool_text(const std::vector<data::Document>& documents) {
  std::string out;
  for (const data::Document& document : documents) out += data::to_json_line(document) + "\n";
  return out;
}

}  // namespace

Result<Demonstrations> make_demonstrations(std::vector<data::Document> documents,
                                           const extract::Extractor& extractor,
                                           const std::string& pool) {
  const extract::DemonstrationSettings& settings = extractor.config.demonstrations;
  retrieve::PoolOptions options = pool_options(extractor);
  retrieve::DenseRankerOptions dense;
  if (needs_encoder(settings)) {
    RELATA_TRY(dense, open_encoder(extractor));
    RELATA_TRY(const auto form, retrieve::read_retriever_form(dense.opened.model));
    if (form && options.unit == retrieve::ExampleUnit::Document) {
      options.instances = {tasks_of(extractor), *form, extractor.schema};
    }
  }
  LabelFilter filter(extractor.schema);
  if (options.unit == retrieve::ExampleUnit::Document) {
    RELATA_CHECK(check_pool_labels(documents, extractor.schema, answerable(extractor), pool));
  }
  if (options.unit == retrieve::ExampleUnit::Pair) {
    options.accept = [&filter](const data::Document&, const retrieve::Example& example) {
      return filter(example);
    };
  }
  auto made =
      retrieve::ExamplePool::make(std::move(documents), options, ranker_maker(settings, dense));
  filter.report(pool);
  if (!made.ok()) {
    return Error{made.error().code, pool + ": " + made.error().message, made.error().hint};
  }
  return Demonstrations{std::make_shared<PoolSource>(std::move(*made)),
                        dense.encoder ? dense.encoder->identity() : ""};
}

std::string example_encoder_path(const extract::Extractor& extractor) {
  const std::filesystem::path named = extractor.config.demonstrations.encoder;
  const std::string beside = (std::filesystem::path(extractor.folder) / named).string();
  if (file_exists(beside)) return beside;
  for (const std::string& place : model_places()) {
    const std::string found = (std::filesystem::path(place) / named).string();
    if (file_exists(found)) return found;
  }
  const auto pulled = find_named_model(named.string());
  return pulled.ok() ? *pulled : named.string();
}

Result<std::vector<data::Document>> read_pool(const std::vector<std::string>& paths,
                                              const std::string& format) {
  std::vector<data::Document> out;
  RELATA_TRY(const std::vector<std::string> files, expand_inputs(paths));
  for (const std::string& path : data::without_companions(files)) {
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
  RELATA_TRY(const Demonstrations made,
             make_demonstrations(std::move(dataset.documents), extractor, path));
  extractor.demonstrations = made.source;
  return {};
}

std::string own_pool(const std::vector<data::Document>& documents, extract::Extractor& extractor) {
  std::string text = pool_text(documents);
  extractor.config.demonstrations.pool = kPoolFile;
  extractor.config.demonstrations.pool_sha256 = sha256_hex(text);
  return text;
}

void report_examples(const extract::DemonstrationCounts& counts, size_t questions,
                     const std::string& unit) {
  if (questions == 0) return;
  log_info(
      fmt::format("{:.1f} examples a {}; {} left out as the question itself, exactly or "
                  "nearly",
                  static_cast<double>(counts.shown) / static_cast<double>(questions), unit,
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
