#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/version.h"
#include "relata/extract/facts.h"
#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

using data::Document;
using data::PairQuery;

constexpr const char* kJournalKind = "relata-extract";
constexpr const char* kMetaKeys[] = {"extractor", "model",     "schema", "relata",
                                     "unparsed",  "shortened", "derived"};

bool states_pairs(const Document& document) {
  return !document.relations.empty() ||
         (document.meta.is_object() && document.meta.contains("pairs"));
}

std::string schema_id(const data::Schema& schema) {
  return "sha256:" + sha256_hex(data::schema_to_json(schema).dump());
}

std::string extractor_name(const Extractor& extractor) {
  const std::filesystem::path folder(extractor.folder);
  const std::string last = folder.lexically_normal().filename().string();
  return last.empty() ? folder.lexically_normal().parent_path().filename().string() : last;
}

// Everything that changes an answer. The extractor's folder and the batch size do not.
Json common_settings(const Extractor& extractor, const generate::Engine& engine,
                     const std::string& decode) {
  const ExtractorConfig& config = extractor.config;
  Json json = Json::object();
  json["relata"] = version();
  json["pipeline"] = config.pipeline;
  json["model"] = engine.model_id();
  json["schema"] = schema_id(extractor.schema);
  json["chat"] = config.chat;
  json["decode"] = decode.empty() ? config.decode : decode;
  json["max_new_tokens"] = config.max_new_tokens;
  return json;
}

std::string settings_hash(const Extractor& extractor, const generate::Engine& engine,
                          const PairOptions& options) {
  Json json = common_settings(extractor, engine, options.decode);
  json["template"] = pair_template_yaml(extractor.pair_template);
  json["threshold"] = extractor.config.threshold;
  json["negative_bias"] = extractor.config.negative_bias;
  json["min_score"] = options.min_score;
  for (const data::RelationType& type : extractor.left_out) json["left_out"].push_back(type.name);
  return "sha256:" + sha256_hex(json.dump());
}

std::string settings_hash(const Extractor& extractor, const generate::Engine& engine,
                          const FactOptions& options) {
  Json json = common_settings(extractor, engine, options.decode);
  json["template"] = pipeline_yaml(extractor.pipeline);
  for (const auto& [name, path] : extractor.config.adapters) json["adapters"].push_back(name);
  for (const auto& [step, value] : extractor.config.thresholds) json["thresholds"][step] = value;
  if (extractor.calibration) json["calibration"] = calibration_to_json(*extractor.calibration);
  json["min_score"] = options.min_score;
  json["use_entities"] = options.use_entities;
  json["closure"] = options.closure;
  return "sha256:" + sha256_hex(json.dump());
}

// The part of a document that extraction takes as given, for comparing.
std::string given_part(const Document& document, bool with_entities) {
  Document given = document;
  given.relations.clear();
  if (!with_entities) {
    given.entities.clear();
    given.events.clear();
  }
  if (given.meta.is_object()) {
    for (const char* key : kMetaKeys) given.meta.erase(key);
    if (given.meta.empty()) given.meta = nullptr;
  }
  return to_json_line(given);
}

// Whether a question got no answer at all: if this run is interrupted, the next asks again.
bool is_unanswered(const Document& document) {
  if (!document.meta.is_object() || !document.meta.contains("unparsed")) return false;
  const Json& notes = document.meta["unparsed"];
  return std::any_of(notes.begin(), notes.end(),
                     [](const Json& note) { return note.value("unanswered", false); });
}

// The journal's finished documents, by id; equal ids stand in the order they were written.
using Finished = std::map<std::string, std::deque<Document>>;

Result<Finished> read_journal(const Journal& journal, const std::string& path,
                              const std::string& settings) {
  Finished finished;
  const std::vector<std::string>& lines = journal.lines();
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string where = path + ":" + std::to_string(i + 1);
    RELATA_TRY(const Json json, parse_json(lines[i], where));
    if (i > 0) {
      RELATA_TRY(Document document, data::document_from_json(json, where));
      finished[document.id].push_back(std::move(document));
      continue;
    }
    if (!json.is_object() || json.value("journal", Json()) != kJournalKind) {
      return usage_error(where + ": not a journal of an extraction",
                         "choose another file; this one is left as it is");
    }
    if (json.value("settings", Json()) != settings) {
      return usage_error(
          where + ": the journal belongs to another model or other settings",
          "extract with the settings it was begun with, or remove " + path + " to begin again");
    }
  }
  return finished;
}

// Answers documents in batches and notes each that is finished in a journal.
class Extraction {
 public:
  virtual ~Extraction() = default;

  Status open_journal(const std::string& path, const std::string& settings) {
    path_ = path;
    RELATA_TRY(Journal journal, Journal::open(path));
    RELATA_TRY(finished_, read_journal(journal, path, settings));
    if (journal.lines().empty()) {
      Json header = Json::object();
      header["journal"] = kJournalKind;
      header["settings"] = settings;
      header["extractor"] = extractor_name(extractor_);
      RELATA_CHECK(journal.append(header.dump()));
    }
    journal_ = std::make_unique<Journal>(std::move(journal));
    return {};
  }

  Result<std::vector<Document>> run(int batch_size) {
    const auto batch = static_cast<size_t>(std::max(batch_size, 1));
    out_.resize(documents_.size());
    std::vector<size_t> todo;
    size_t waiting = 0;
    for (size_t i = 0; i < documents_.size(); ++i) {
      RELATA_TRY(const bool found, take_finished(i));
      const int64_t work = work_of(documents_[i]);
      if (found) {
        note_skipped(work);
        done_ += work;
        report(0);
        if (todo.empty()) RELATA_CHECK(hand_on(i + 1));
        continue;
      }
      todo.push_back(i);
      waiting += static_cast<size_t>(work);
      // Bounded in documents as well: those without pairs ask for nothing.
      if (waiting < batch && todo.size() < batch) continue;
      RELATA_CHECK(extract_batch(todo));
      RELATA_CHECK(hand_on(i + 1));
      todo.clear();
      waiting = 0;
    }
    RELATA_CHECK(extract_batch(todo));
    RELATA_CHECK(hand_on(documents_.size()));
    return std::move(out_);
  }

 protected:
  Extraction(const Extractor& extractor, generate::Engine& engine,
             const std::vector<Document>& documents)
      : extractor_(extractor), engine_(engine), documents_(documents) {}

  // What progress counts.
  virtual int64_t work_of(const Document& document) const = 0;
  virtual bool keeps_entities(const Document& document) const = 0;
  // The finished documents, without a stamp.
  virtual Result<std::vector<Document>> answer(const std::vector<Document>& documents) = 0;
  virtual void note_skipped(int64_t work) const = 0;
  virtual void report(int64_t more) const = 0;  // beyond done_
  // Takes a finished document away; false: they are all wanted at the end.
  virtual Result<bool> take(const Document& document) const { return false; }

  const Extractor& extractor_;
  generate::Engine& engine_;
  int64_t done_ = 0;

 private:
  // Gives finished documents away, in order, up to `end`.
  Status hand_on(size_t end) {
    for (; handed_ < end; ++handed_) {
      RELATA_TRY(const bool taken, take(out_[handed_]));
      if (taken) out_[handed_] = {};
    }
    return {};
  }

  Result<bool> take_finished(size_t index) {
    const Document& wanted = documents_[index];
    const auto found = finished_.find(wanted.id);
    if (found == finished_.end() || found->second.empty()) return false;
    Document document = std::move(found->second.front());
    found->second.pop_front();
    const bool with_entities = keeps_entities(wanted);
    if (given_part(document, with_entities) != given_part(wanted, with_entities)) {
      return usage_error(path_ + ": document \"" + document.id + "\" is not the one of the input",
                         "the input has changed since; remove " + path_ + " to begin again");
    }
    out_[index] = std::move(document);
    return true;
  }

  Status extract_batch(const std::vector<size_t>& todo) {
    std::vector<Document> documents;
    documents.reserve(todo.size());
    for (const size_t i : todo) documents.push_back(documents_[i]);
    RELATA_TRY(std::vector<Document> results, answer(documents));
    for (size_t i = 0; i < results.size(); ++i) {
      stamp(results[i]);
      if (journal_ && !is_unanswered(results[i])) {
        RELATA_CHECK(journal_->append(to_json_line(results[i])));
      }
      out_[todo[i]] = std::move(results[i]);
      done_ += work_of(documents[i]);
    }
    return {};
  }

  void stamp(Document& document) {
    if (schema_id_.empty()) schema_id_ = schema_id(extractor_.schema);
    if (!document.meta.is_object()) document.meta = Json::object();
    document.meta["extractor"] = extractor_name(extractor_);
    document.meta["model"] = engine_.model_id();
    document.meta["schema"] = schema_id_;
    document.meta["relata"] = version();
  }

  const std::vector<Document>& documents_;
  std::string path_;
  std::unique_ptr<Journal> journal_;
  Finished finished_;
  std::vector<Document> out_;
  size_t handed_ = 0;
  std::string schema_id_;
};

class PairExtraction : public Extraction {
 public:
  PairExtraction(const Extractor& extractor, generate::Engine& engine, const PairOptions& options,
                 const std::vector<Document>& documents)
      : Extraction(extractor, engine, documents), options_(options) {}

 private:
  int64_t work_of(const Document& document) const override { return count_queries(document); }
  bool keeps_entities(const Document&) const override { return true; }
  void note_skipped(int64_t work) const override {
    if (options_.skipped) options_.skipped(work);
  }
  void report(int64_t more) const override {
    if (options_.progress) options_.progress(done_ + more);
  }

  Result<std::vector<Document>> answer(const std::vector<Document>& documents) override {
    std::vector<PairQuery> queries;
    for (size_t i = 0; i < documents.size(); ++i) {
      for (PairQuery& query : document_queries(documents[i])) {
        query.document = static_cast<int>(i);
        queries.push_back(std::move(query));
      }
    }
    PairOptions options = options_;
    options.progress = [this](int64_t done) { report(done); };
    RELATA_TRY(auto predictions, predict_pairs(extractor_, engine_, documents, queries, options));
    for (size_t i = 0; i < queries.size(); ++i) {
      const Document& document = documents[static_cast<size_t>(queries[i].document)];
      if (!states_pairs(document)) drop_negative(predictions[i]);
    }
    std::vector<Document> results = apply_predictions(documents, queries, predictions);
    for (Document& document : results) {
      if (!document.meta.is_object()) document.meta = Json::object();
      for (const char* key : {"unparsed", "shortened"}) document.meta.erase(key);  // of an earlier
    }
    for (size_t i = 0; i < queries.size(); ++i) {
      Document& result = results[static_cast<size_t>(queries[i].document)];
      if (predictions[i].shortened) {
        result.meta["shortened"] = result.meta.value("shortened", 0) + 1;
      }
      if (!predictions[i].problem.empty()) note_unparsed(result, queries[i], predictions[i]);
    }
    return results;
  }

  // Among all pairs of a text most have no relation; only where a pair was asked about is that an
  // answer worth writing.
  void drop_negative(PairPrediction& prediction) const {
    PairPrediction kept;
    for (size_t i = 0; i < prediction.labels.size(); ++i) {
      const int index = extractor_.schema.find(prediction.labels[i]);
      if (index >= 0 && extractor_.schema.relation_types[static_cast<size_t>(index)].negative) {
        continue;
      }
      kept.labels.push_back(prediction.labels[i]);
      if (i < prediction.scores.size()) kept.scores.push_back(prediction.scores[i]);
    }
    prediction.labels = std::move(kept.labels);
    prediction.scores = std::move(kept.scores);
  }

  static void note_unparsed(Document& document, const PairQuery& query,
                            const PairPrediction& prediction) {
    Json note = Json::object();
    note["head"] = document.entities[static_cast<size_t>(query.head)].id;
    note["tail"] = document.entities[static_cast<size_t>(query.tail)].id;
    note["problem"] = prediction.problem;
    note["answer"] = prediction.raw;
    if (prediction.unanswered) note["unanswered"] = true;
    document.meta["unparsed"].push_back(std::move(note));
  }

  const PairOptions& options_;
};

class FactsExtraction : public Extraction {
 public:
  FactsExtraction(const Extractor& extractor, generate::Engine& engine,
                  const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                  const FactOptions& options, const std::vector<Document>& documents)
      : Extraction(extractor, engine, documents), compiler_(compiler), options_(options) {}

 private:
  int64_t work_of(const Document&) const override { return 1; }
  bool keeps_entities(const Document& document) const override {
    return options_.use_entities && !document.entities.empty();
  }
  void note_skipped(int64_t work) const override {
    if (options_.skipped) options_.skipped(work);
  }
  void report(int64_t more) const override {
    if (options_.progress) options_.progress(done_ + more);
  }
  Result<std::vector<Document>> answer(const std::vector<Document>& documents) override {
    FactOptions options = options_;
    options.progress = [this](int64_t done) { report(done); };
    options.finished = {};
    return extract_facts(extractor_, engine_, compiler_, documents, options);
  }

  Result<bool> take(const Document& document) const override {
    if (!options_.finished) return false;
    RELATA_CHECK(options_.finished(document));
    return true;
  }

  const std::shared_ptr<const generate::AnswerCompiler>& compiler_;
  const FactOptions& options_;
};

}  // namespace

std::vector<PairQuery> document_queries(const Document& document) {
  std::vector<PairQuery> out = data::pair_queries({document});
  if (states_pairs(document)) return out;
  const auto entities = static_cast<int>(document.entities.size());
  for (int head = 0; head < entities; ++head) {
    for (int tail = 0; tail < entities; ++tail) {
      if (head != tail) out.push_back({0, head, tail, {}});
    }
  }
  return out;
}

int64_t count_queries(const Document& document) {
  if (states_pairs(document)) return std::ssize(data::pair_queries({document}));
  const int64_t entities = std::ssize(document.entities);
  return entities * (entities - 1);
}

std::vector<PairQuery> extraction_queries(const std::vector<Document>& documents) {
  std::vector<PairQuery> out;
  for (size_t i = 0; i < documents.size(); ++i) {
    for (PairQuery& query : document_queries(documents[i])) {
      query.document = static_cast<int>(i);
      out.push_back(std::move(query));
    }
  }
  return out;
}

std::vector<Document> apply_predictions(const std::vector<Document>& documents,
                                        const std::vector<PairQuery>& queries,
                                        const std::vector<PairPrediction>& predictions) {
  if (queries.size() != predictions.size()) {
    throw std::logic_error(std::to_string(predictions.size()) + " predictions for " +
                           std::to_string(queries.size()) + " queries");
  }
  std::vector<Document> out = documents;
  for (Document& document : out) document.relations.clear();
  for (size_t i = 0; i < queries.size(); ++i) {
    Document& document = out.at(static_cast<size_t>(queries[i].document));
    for (size_t k = 0; k < predictions[i].labels.size(); ++k) {
      data::Relation relation;
      relation.head = queries[i].head;
      relation.tail = queries[i].tail;
      relation.type = predictions[i].labels[k];
      if (k < predictions[i].scores.size()) relation.score = predictions[i].scores[k];
      document.relations.push_back(std::move(relation));
    }
  }
  return out;
}

Result<std::vector<Document>> extract_documents(const Extractor& extractor,
                                                generate::Engine& engine,
                                                const std::vector<Document>& documents,
                                                const PairOptions& options,
                                                const std::string& journal_path) {
  PairExtraction extraction(extractor, engine, options, documents);
  if (!journal_path.empty()) {
    RELATA_CHECK(extraction.open_journal(journal_path, settings_hash(extractor, engine, options)));
  }
  return extraction.run(options.batch);
}

Result<std::vector<Document>> extract_fact_documents(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<Document>& documents, const FactOptions& options,
    const std::string& journal_path) {
  FactsExtraction extraction(extractor, engine, compiler, options, documents);
  if (!journal_path.empty()) {
    RELATA_CHECK(extraction.open_journal(journal_path, settings_hash(extractor, engine, options)));
  }
  return extraction.run(options.batch);
}

std::vector<UnparsedAnswer> unparsed_answers(const std::vector<Document>& documents) {
  std::vector<UnparsedAnswer> out;
  for (const Document& document : documents) {
    if (!document.meta.is_object() || !document.meta.contains("unparsed")) continue;
    for (const Json& note : document.meta["unparsed"]) {
      out.push_back({document.id, note.value("head", ""), note.value("tail", ""),
                     note.value("problem", ""), note.value("answer", "")});
    }
  }
  return out;
}

}  // namespace relata::extract
