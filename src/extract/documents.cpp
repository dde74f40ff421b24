#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

using data::Document;
using data::PairQuery;

constexpr const char* kVersion = "0.1.0";
constexpr const char* kJournalKind = "relata-extract";
constexpr const char* kMetaKeys[] = {"extractor", "model",    "schema",
                                     "relata",    "unparsed", "shortened"};

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
std::string settings_hash(const Extractor& extractor, const generate::Engine& engine,
                          const PairOptions& options) {
  const ExtractorConfig& config = extractor.config;
  Json json = Json::object();
  json["relata"] = kVersion;
  json["pipeline"] = config.pipeline;
  json["model"] = engine.model_id();
  json["schema"] = schema_id(extractor.schema);
  json["template"] = pair_template_yaml(extractor.pair_template);
  json["chat"] = config.chat;
  json["decode"] = options.decode.empty() ? config.decode : options.decode;
  json["threshold"] = config.threshold;
  json["negative_bias"] = config.negative_bias;
  json["max_new_tokens"] = config.max_new_tokens;
  json["min_score"] = options.min_score;
  for (const data::RelationType& type : extractor.left_out) json["left_out"].push_back(type.name);
  return "sha256:" + sha256_hex(json.dump());
}

// The part of a document that extraction takes as given, for comparing.
std::string given_part(const Document& document) {
  Document given = document;
  given.relations.clear();
  if (given.meta.is_object()) {
    for (const char* key : kMetaKeys) given.meta.erase(key);
    if (given.meta.empty()) given.meta = nullptr;
  }
  return to_json_line(given);
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

class Extraction {
 public:
  Extraction(const Extractor& extractor, generate::Engine& engine, const PairOptions& options,
             const std::vector<Document>& documents)
      : extractor_(extractor), engine_(engine), options_(options), documents_(documents) {}

  Status open_journal(const std::string& path) {
    path_ = path;
    const std::string settings = settings_hash(extractor_, engine_, options_);
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

  Result<std::vector<Document>> run() {
    const auto batch = static_cast<size_t>(std::max(options_.batch, 1));
    out_.resize(documents_.size());
    std::vector<size_t> todo;
    size_t waiting = 0;
    for (size_t i = 0; i < documents_.size(); ++i) {
      RELATA_TRY(const bool found, take_finished(i));
      const int64_t pairs = count_queries(documents_[i]);
      if (found) {
        if (options_.skipped) options_.skipped(pairs);
        done_ += pairs;
        report(0);
        continue;
      }
      todo.push_back(i);
      waiting += static_cast<size_t>(pairs);
      // Bounded in documents as well: those without pairs ask for nothing.
      if (waiting < batch && todo.size() < batch) continue;
      RELATA_CHECK(extract_batch(todo));
      todo.clear();
      waiting = 0;
    }
    RELATA_CHECK(extract_batch(todo));
    return std::move(out_);
  }

 private:
  Result<bool> take_finished(size_t index) {
    const auto found = finished_.find(documents_[index].id);
    if (found == finished_.end() || found->second.empty()) return false;
    Document document = std::move(found->second.front());
    found->second.pop_front();
    if (given_part(document) != given_part(documents_[index])) {
      return usage_error(path_ + ": document \"" + document.id + "\" is not the one of the input",
                         "the input has changed since; remove " + path_ + " to begin again");
    }
    out_[index] = std::move(document);
    return true;
  }

  Status extract_batch(const std::vector<size_t>& todo) {
    std::vector<Document> documents;
    std::vector<PairQuery> queries;
    for (const size_t i : todo) {
      for (PairQuery& query : document_queries(documents_[i])) {
        query.document = static_cast<int>(documents.size());
        queries.push_back(std::move(query));
      }
      documents.push_back(documents_[i]);
    }
    PairOptions options = options_;
    options.progress = [this](int64_t done) { report(done); };
    RELATA_TRY(auto predictions, predict_pairs(extractor_, engine_, documents, queries, options));
    for (size_t i = 0; i < queries.size(); ++i) {
      const Document& document = documents[static_cast<size_t>(queries[i].document)];
      if (!states_pairs(document)) drop_negative(predictions[i]);
    }
    std::vector<Document> results = apply_predictions(documents, queries, predictions);
    for (Document& document : results) stamp(document);
    for (size_t i = 0; i < queries.size(); ++i) {
      Document& result = results[static_cast<size_t>(queries[i].document)];
      if (predictions[i].shortened) {
        result.meta["shortened"] = result.meta.value("shortened", 0) + 1;
      }
      if (!predictions[i].problem.empty()) note_unparsed(result, queries[i], predictions[i]);
    }
    for (size_t i = 0; i < results.size(); ++i) {
      if (journal_) RELATA_CHECK(journal_->append(to_json_line(results[i])));
      out_[todo[i]] = std::move(results[i]);
    }
    done_ += static_cast<int64_t>(queries.size());
    return {};
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

  void stamp(Document& document) {
    if (schema_id_.empty()) schema_id_ = schema_id(extractor_.schema);
    if (!document.meta.is_object()) document.meta = Json::object();
    for (const char* key : {"unparsed", "shortened"})
      document.meta.erase(key);  // of an earlier one
    document.meta["extractor"] = extractor_name(extractor_);
    document.meta["model"] = engine_.model_id();
    document.meta["schema"] = schema_id_;
    document.meta["relata"] = kVersion;
  }

  static void note_unparsed(Document& document, const PairQuery& query,
                            const PairPrediction& prediction) {
    Json note = Json::object();
    note["head"] = document.entities[static_cast<size_t>(query.head)].id;
    note["tail"] = document.entities[static_cast<size_t>(query.tail)].id;
    note["problem"] = prediction.problem;
    note["answer"] = prediction.raw;
    document.meta["unparsed"].push_back(std::move(note));
  }

  void report(int64_t more) const {
    if (options_.progress) options_.progress(done_ + more);
  }

  const Extractor& extractor_;
  generate::Engine& engine_;
  const PairOptions& options_;
  const std::vector<Document>& documents_;
  std::string path_;
  std::unique_ptr<Journal> journal_;
  Finished finished_;
  std::vector<Document> out_;
  std::string schema_id_;
  int64_t done_ = 0;  // queries
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
  Extraction extraction(extractor, engine, options, documents);
  if (!journal_path.empty()) RELATA_CHECK(extraction.open_journal(journal_path));
  return extraction.run();
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
