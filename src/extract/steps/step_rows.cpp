#include "relata/extract/step_rows.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>

#include "fitting_windows.h"
#include "question_rows.h"
#include "shown_text.h"

namespace relata::extract {
namespace {

using data::Document;

class RowMaker {
 public:
  RowMaker(StepPrompter prompter, const RowOptions& options, RowCounts* counts)
      : prompter_(std::move(prompter)),
        options_(options),
        counts_(counts != nullptr ? *counts : own_) {
    counts_ = {};
  }

  Status read(const std::vector<Document>& documents) {
    for (const Document& document : documents) {
      RELATA_TRY(Gold gold, gold_of(document, prompter_.schema(), options_.naming));
      counts_.ungrounded += gold.ungrounded;
      golds_.push_back(std::move(gold));
    }
    frequencies_ = relation_frequencies(golds_, prompter_.schema());
    return {};
  }

  // What training asks about the `index`-th document.
  std::vector<AnsweredQuestion> questions(size_t index) {
    const Gold& gold = golds_.at(index);
    if (gold.facts.empty() && !options_.empty_documents) return {};
    ++counts_.windows;
    RowRandom random(options_.seed * 0x9E3779B97F4A7C15ULL + index);
    return answered_questions(prompter_.spec(), prompter_.schema(), gold, frequencies_, options_,
                              random);
  }

  std::string answer(const AnsweredQuestion& entry) const {
    const PipelineSpec& spec = prompter_.spec();
    if (spec.steps[entry.question.step].check) return entry.holds ? spec.yes : spec.no;
    return prompter_.list_answer(entry.question.step, entry.items);
  }

  void count(const AnsweredQuestion& entry) {
    const StepTemplate& step = prompter_.spec().steps[entry.question.step];
    ++counts_.rows[step.name];
    counts_.empty[step.name] += (step.check ? !entry.holds : entry.items.empty()) ? 1 : 0;
  }
  void count_too_long() { ++counts_.too_long; }
  const StepPrompter& prompter() const { return prompter_; }
  const RowOptions& options() const { return options_; }

 private:
  StepPrompter prompter_;
  const RowOptions& options_;
  RowCounts own_;
  RowCounts& counts_;
  std::vector<Gold> golds_;
  std::vector<int64_t> frequencies_;
};

// The document's facts that none of its windows has, since no window has both ends.
int64_t parted_facts(const Document& document, const std::vector<Document>& windows) {
  std::set<std::tuple<std::string_view, std::string_view, std::string_view>> kept;
  const auto key = [](const Document& in, const data::Relation& relation) {
    const auto id = [&](int entity) -> std::string_view {
      return in.entities.at(static_cast<size_t>(entity)).id;
    };
    return std::tuple(id(relation.head), std::string_view(relation.type), id(relation.tail));
  };
  for (const Document& window : windows) {
    for (const data::Relation& relation : window.relations) kept.insert(key(window, relation));
  }
  return std::count_if(
      document.relations.begin(), document.relations.end(),
      [&](const data::Relation& relation) { return !kept.contains(key(document, relation)); });
}

// Documents in pieces whose prompts leave room for a question and a usual answer. Adds to `parted`
// the facts that are lost by it.
Result<std::vector<Document>> in_windows(const StepPrompter& prompter,
                                         const text::Tokenizer& tokenizer,
                                         const std::vector<Document>& documents, int64_t max_tokens,
                                         int64_t& parted) {
  if (max_tokens <= 0) return documents;
  const auto most = static_cast<size_t>(max_tokens);
  const size_t reserve = std::min<size_t>(most / 3, 256);
  std::vector<Document> out;
  for (const Document& document : documents) {
    RELATA_TRY(auto windows, fitting_windows(prompter, tokenizer, document, most - reserve));
    if (windows.size() > 1) parted += parted_facts(document, windows);
    std::move(windows.begin(), windows.end(), std::back_inserter(out));
  }
  return out;
}

}  // namespace

RowOptions autore_row_options(bool augment) {
  RowOptions out;
  out.naming = RowOptions::Naming::Mentions;
  out.relation_orders = augment ? 2 : 0;
  out.head_orders = augment ? 1 : 0;
  out.relation_negatives = 0.0;
  out.head_negatives = 0.0;
  out.check_negatives = 0.0;
  out.empty_documents = false;
  return out;
}

Result<std::vector<std::vector<StepRow>>> step_rows(const Extractor& extractor,
                                                    const std::vector<Document>& originals,
                                                    const RowOptions& options, RowCounts* counts) {
  RELATA_TRY(StepPrompter prompter, StepPrompter::make(extractor));
  const std::vector<Document> documents = shown_documents(originals);
  RowMaker maker(std::move(prompter), options, counts);
  RELATA_CHECK(maker.read(documents));
  std::vector<std::vector<StepRow>> out(documents.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    for (const AnsweredQuestion& entry : maker.questions(i)) {
      const StepTemplate& step = extractor.pipeline.steps[entry.question.step];
      StepRow row;
      row.step = step.name;
      row.adapter = step.adapter;
      row.root = maker.prompter().root_text(documents[i]);
      row.branch = maker.prompter().branch_text(documents[i], entry.question);
      row.answer = maker.answer(entry);
      maker.count(entry);
      out[i].push_back(std::move(row));
    }
  }
  return out;
}

Result<std::vector<DocumentExamples>> step_examples(const Extractor& extractor,
                                                    const text::Tokenizer& tokenizer,
                                                    const std::vector<Document>& documents,
                                                    const RowOptions& options, RowCounts* counts) {
  RELATA_TRY(StepPrompter prompter, StepPrompter::make(extractor));
  int64_t parted = 0;
  RELATA_TRY(
      const std::vector<Document> pieces,
      in_windows(prompter, tokenizer, shown_documents(documents), options.max_tokens, parted));
  RowMaker maker(std::move(prompter), options, counts);
  if (counts != nullptr) counts->parted = parted;
  RELATA_CHECK(maker.read(pieces));
  std::vector<DocumentExamples> out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    DocumentExamples examples;
    examples.document = pieces[i].id;
    const std::vector<int32_t> root = maker.prompter().root_ids(tokenizer, pieces[i]);
    for (const AnsweredQuestion& entry : maker.questions(i)) {
      const StepTemplate& step = extractor.pipeline.steps[entry.question.step];
      StepExample example;
      example.step = step.name;
      example.adapter = step.adapter;
      example.prompt = root;
      example.shared = root.size();
      const auto branch = maker.prompter().branch_ids(tokenizer, pieces[i], entry.question);
      example.prompt.insert(example.prompt.end(), branch.begin(), branch.end());
      example.answer = StepPrompter::answer_ids(tokenizer, maker.answer(entry));
      const size_t size = example.prompt.size() + example.answer.size();
      if (options.max_tokens > 0 && size > static_cast<size_t>(options.max_tokens)) {
        maker.count_too_long();
        continue;
      }
      maker.count(entry);
      examples.examples.push_back(std::move(example));
    }
    if (!examples.examples.empty()) out.push_back(std::move(examples));
  }
  return out;
}

}  // namespace relata::extract
