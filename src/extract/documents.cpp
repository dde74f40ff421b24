#include <algorithm>
#include <stdexcept>

#include "extraction.h"
#include "relata/extract/facts.h"
#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

using data::Document;
using data::PairQuery;

bool states_pairs(const Document& document) {
  return !document.relations.empty() ||
         (document.meta.is_object() && document.meta.contains("pairs"));
}

std::string settings_hash(const Extractor& extractor, const generate::Engine& engine,
                          const PairOptions& options) {
  Json json = common_settings(extractor, engine, options.decode);
  json["template"] = pair_template_yaml(extractor.pair_template);
  json["threshold"] = extractor.config.threshold;
  json["negative_bias"] = extractor.config.negative_bias;
  if (extractor.demonstrations != nullptr) {
    json["mask_types"] = extractor.config.mask_types;
    json["demonstrations"] = to_json(extractor.config.demonstrations);
    json["pool"] = extractor.demonstrations->identity();
  }
  json["min_score"] = options.min_score;
  for (const data::RelationType& type : extractor.left_out) json["left_out"].push_back(type.name);
  return hash_of_settings(json);
}

std::string settings_hash(const Extractor& extractor, const generate::Engine& engine,
                          const FactOptions& options) {
  Json json = common_settings(extractor, engine, options.decode);
  json["template"] = pipeline_yaml(extractor.pipeline);
  for (const auto& [name, path] : extractor.config.adapters) json["adapters"].push_back(name);
  for (const auto& [step, value] : extractor.config.thresholds) json["thresholds"][step] = value;
  json["continue_above"] = extractor.config.continue_above;
  json["drop_overlapping"] = extractor.config.drop_overlapping;
  json["min_score"] = options.min_score;
  json["use_entities"] = options.use_entities;
  json["closure"] = options.closure;
  return hash_of_settings(json);
}

class PairExtraction : public Extraction {
 public:
  PairExtraction(const Extractor& extractor, generate::Engine& engine, const PairOptions& options)
      : Extraction(extractor, engine), options_(options) {}

 private:
  std::string settings() const override { return settings_hash(extractor_, engine_, options_); }
  int64_t work_of(const Document& document) const override { return count_queries(document); }
  // Of what is stated it is asked which pairs that is about.
  Document asked_part(const Document& document) const override {
    Document part = document;
    for (data::Relation& relation : part.relations) {
      relation = {relation.head, relation.tail, "", {}, {}};
    }
    return part;
  }
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
      for (const char* key : {"unparsed", "shortened", "demonstrations"}) {
        document.meta.erase(key);  // of an earlier one
      }
    }
    for (size_t i = 0; i < queries.size(); ++i) {
      Document& result = results[static_cast<size_t>(queries[i].document)];
      if (predictions[i].shortened) {
        result.meta["shortened"] = result.meta.value("shortened", 0) + 1;
      }
      if (extractor_.demonstrations != nullptr) note_examples(result, predictions[i].examples);
      if (!predictions[i].problem.empty()) note_unparsed(result, queries[i], predictions[i]);
    }
    return results;
  }

  // Among all pairs of a text most have no relation; only where a pair was asked about is that an
  // answer worth writing.
  void drop_negative(PairPrediction& prediction) const {
    PairPrediction kept;
    for (size_t i = 0; i < prediction.labels.size(); ++i) {
      if (extractor_.schema.is_negative(prediction.labels[i])) continue;
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
                  const FactOptions& options)
      : Extraction(extractor, engine), compiler_(compiler), options_(options) {}

 private:
  std::string settings() const override { return settings_hash(extractor_, engine_, options_); }
  int64_t work_of(const Document&) const override { return 1; }
  Document asked_part(const Document& document) const override {
    Document part = document;
    part.relations.clear();
    if (!options_.use_entities || part.entities.empty()) {
      part.entities.clear();
      part.events.clear();
    }
    return part;
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
    return extract_facts(extractor_, engine_, compiler_, documents, options);
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

Status extract_documents(const Extractor& extractor, generate::Engine& engine,
                         const PairOptions& options, const DocumentRun& run) {
  return PairExtraction(extractor, engine, options).run(run, options.batch);
}

Result<std::vector<Document>> extract_documents(const Extractor& extractor,
                                                generate::Engine& engine,
                                                const std::vector<Document>& documents,
                                                const PairOptions& options,
                                                const std::string& journal_path) {
  return PairExtraction(extractor, engine, options).run_all(documents, journal_path, options.batch);
}

Status extract_fact_documents(const Extractor& extractor, generate::Engine& engine,
                              const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                              const FactOptions& options, const DocumentRun& run) {
  return FactsExtraction(extractor, engine, compiler, options).run(run, options.batch);
}

Result<std::vector<Document>> extract_fact_documents(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<Document>& documents, const FactOptions& options,
    const std::string& journal_path) {
  return FactsExtraction(extractor, engine, compiler, options)
      .run_all(documents, journal_path, options.batch);
}

DemonstrationCounts demonstration_counts(const Document& document) {
  if (!document.meta.is_object() || !document.meta.contains("demonstrations")) return {};
  const Json& note = document.meta["demonstrations"];
  const auto count = [&](const char* key) { return note.value(key, int64_t{0}); };
  return {count("shown"), count("duplicates"), count("too_long"), count("no_room")};
}

std::vector<UnparsedAnswer> unparsed_answers(const Document& document) {
  std::vector<UnparsedAnswer> out;
  if (!document.meta.is_object() || !document.meta.contains("unparsed")) return out;
  for (const Json& note : document.meta["unparsed"]) {
    out.push_back({document.id, note.value("head", ""), note.value("tail", ""),
                   note.value("problem", ""), note.value("answer", "")});
  }
  return out;
}

}  // namespace relata::extract
