#include "evaluate/docred_run.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "docred/record_list.h"

namespace relata::eval {

using data::Document;

Result<DocRedRun::Outcome> DocRedRun::score(const Metric& metric, System& system) {
  const std::string_view content = system.file.content();
  const bool result_file = system.file.format == "docred-result" ||
                           (system.file.format.empty() && looks_like_docred_result(content)) ||
                           system.file.is_empty();
  const bool gold_file = (sources_.gold().format.empty() || sources_.gold().format == "docred") &&
                         looks_like_docred(sources_.gold().content()) && result_file;
  RELATA_CHECK(start_train_facts());
  Sources::BothDocuments both{nullptr, nullptr};
  if (!result_file) {
    RELATA_TRY(both, sources_.documents_of_both(metric, system));
  }
  DocRedGold gold;
  if (gold_file) {
    RELATA_TRY(gold, parse_docred(sources_.gold().file, sources_.gold().name));
    if (sources_.has_schema()) sources_.use_schema({});
  } else {
    RELATA_TRY(const std::vector<Document>* documents, sources_.gold_documents());
    gold = docred_from_documents(*documents, sources_.negative());
  }
  const size_t gold_relations = gold.relations.size();
  DocRedAnswers answers;
  if (result_file) {
    RELATA_TRY(answers, parse_docred_result(system.file.is_empty() ? "[]" : content,
                                            system.file.name, gold));
  } else {
    RELATA_TRY(answers, sources_.named(system, docred_answers(*both.gold, *both.predicted,
                                                              sources_.negative(), gold)));
  }
  if (sources_.has_schema()) RELATA_CHECK(settle_answers(gold, gold_relations, answers, system));
  // Of DocRED's own two files without a schema every label counts, as in the official script.
  if (!gold_file || sources_.has_schema()) drop_negative(gold, answers);
  RELATA_CHECK(finish_train_facts());
  Outcome outcome;
  outcome.documents = gold.documents.size();
  RELATA_TRY(
      outcome.scores,
      sources_.named(system, score_docred(gold, answers,
                                          {train_facts_ ? &**train_facts_ : nullptr,
                                           sources_.inverses(), sources_.request().list_errors})));
  return outcome;
}

// The same for answers of result.json; the first `gold_relations` are those that gold states.
Status DocRedRun::settle_answers(const DocRedGold& gold, size_t gold_relations,
                                 DocRedAnswers& answers, const System& system) {
  const SchemaLabels labels = sources_.schema_labels(nullptr);
  std::vector<bool> known;
  for (const std::string_view relation : gold.relations) {
    known.push_back(labels.has_relation(relation));
    if (known.back()) continue;
    const bool of_gold = known.size() <= gold_relations;
    if (of_gold || !sources_.drops_unknown()) {
      return labels.unknown_relation(of_gold ? sources_.gold().name : system.file.name, relation);
    }
  }
  sources_.note_dropped(
      std::erase_if(answers.list,
                    [&](const DocRedAnswer& answer) { return !known[answer.relation]; }),
      system);
  return {};
}

void DocRedRun::drop_negative(DocRedGold& gold, DocRedAnswers& answers) const {
  std::vector<bool> negative;
  for (const std::string_view relation : gold.relations) {
    negative.push_back(sources_.negative().contains(relation));
  }
  for (DocRedDocument& document : gold.documents) {
    std::erase_if(document.facts, [&](const DocRedFact& fact) { return negative[fact.relation]; });
  }
  std::erase_if(answers.list,
                [&](const DocRedAnswer& answer) { return negative[answer.relation]; });
}

// Training facts are read beside the other files where they are worth it.
Status DocRedRun::start_train_facts() {
  if (sources_.request().train_facts.empty() || train_facts_) return {};
  RELATA_TRY(std::shared_ptr<const FileText> file, FileText::open(sources_.request().train_facts));
  const auto read = [this, file] {
    train_facts_ = TrainFacts::parse(file, path_name(sources_.request().train_facts));
  };
  if (pieces_of(file->text().size() / kBytesOfPart) > 1) {
    facts_ahead_ = std::make_unique<WorkAhead>(read);
  } else {
    read();
  }
  return {};
}
Status DocRedRun::finish_train_facts() {
  if (facts_ahead_) facts_ahead_->finish();
  if (train_facts_ && !train_facts_->ok()) return train_facts_->error();
  return {};
}

}  // namespace relata::eval
