#include "relata/eval/metric.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "relata/base/fields.h"

namespace relata::eval {
namespace {

constexpr const char* kLabels = "one label or several for each pair that gold asks about";

std::vector<Metric> pair_metric_list() {
  return {
      {"pair-micro", MetricKind::kPairs,
       "Precision, recall and F1 of all (pair, label) answers counted together, without the "
       "negative label.",
       kLabels, "relata"},
      {"pair-macro", MetricKind::kPairs,
       "Precision, recall and F1 of each label but the negative one, averaged over the labels that "
       "occur in gold.",
       kLabels, "relata"},
      {"pair-micro-all", MetricKind::kPairs,
       "Like pair-micro, with the negative label as an ordinary one.", kLabels, "relata"},
      {"pair-macro-all", MetricKind::kPairs,
       "Like pair-macro, with the negative label as an ordinary one.", kLabels, "relata"},
      {"crellm", MetricKind::kPairs,
       "Precision, recall and F1 of each pair's label set, averaged over the pairs; the negative "
       "label is an ordinary one.",
       kLabels, "CRE-LLM (arXiv 2404.18085), eval.py"},
      {"tacred", MetricKind::kPairs,
       "Micro precision, recall and F1 over the examples' labels without no_relation.",
       "one label for each example; --patch corrects the gold labels (TACREV)",
       "TACRED's score.py (Zhang et al. 2017); TACREV (Alt et al. 2020)"},
      {"retacred", MetricKind::kPairs, "TACRED's score on Re-TACRED's labels.",
       "one label for each example; --patch gives Re-TACRED's labels by id",
       "Re-TACRED (Stoica et al. 2021)"},
      {"semeval", MetricKind::kPairs,
       "Macro F1 over the nine relations of SemEval-2010 Task 8; a wrong direction is a wrong "
       "answer, Other is left out.",
       "one of the 19 labels for each example, or none",
       "semeval2010_task8_scorer-v1.2.pl (Hendrickx et al. 2010)"},
      {"rag4re", MetricKind::kPairs,
       "RAG4RE's figures: micro precision, recall and F1 over the labels that its own "
       "normalisation leaves comparable, which for TACRED is no_relation alone.",
       "the model's raw answer for each example", "RAG4RE (arXiv 2404.13397)"},
      {"chinese-nre", MetricKind::kPairs,
       "The best label of each pair: right if it is among the gold labels, dropped if it is the "
       "negative one; recall divides by the pairs that have a real relation.",
       "labels for each pair, with scores for the area under the curve",
       "thunlp/Chinese_NRE, utils/metric.py (Li et al. 2019)"},
  };
}

std::vector<Metric> document_metric_list() {
  return {
      {"docred", MetricKind::kDocRed,
       "Micro F1 of (document, head entity, tail entity, relation); parts: Ign F1 without the "
       "facts of the training set, evidence sentences, pairs within and across sentences.",
       "documents with entities, or DocRED's files; --train-facts for Ign F1",
       "DocRED's evaluation.py (Yao et al. 2019)"},
      {"autore", MetricKind::kTriples,
       "Micro F1 of surface triples: a gold fact is found when any of its alias triples is "
       "answered, every triple outside all groups is wrong, repeated ones again.",
       "documents whose entities have names; --aliases gives the groups instead",
       "AutoRE (arXiv 2403.14888)"},
      {"ner-span", MetricKind::kSpans, "Micro F1 of mentions: same begin, end and type.",
       "documents with typed mentions", "CoNLL-2003 (Tjong Kim Sang and De Meulder 2003)"},
      {"re-strict", MetricKind::kSpans,
       "Micro F1 of relations: same type and direction, both arguments with the same mention and "
       "entity type.",
       "documents with typed mentions and relations", "Taillé et al. 2020, Strict"},
      {"re-boundary", MetricKind::kSpans,
       "Micro F1 of relations: same type and direction, both arguments with the same mention, "
       "whatever their entity types.",
       "documents with mentions and relations", "Taillé et al. 2020, Boundaries"},
      {"ed", MetricKind::kSpans, "Micro F1 of event triggers: same begin, end and event type.",
       "documents with events", "ACE 2005 trigger classification (Li et al. 2013)"},
      {"eae", MetricKind::kSpans,
       "Micro F1 of event arguments: same begin, end, role and event type.",
       "documents with events", "ACE 2005 argument classification (Li et al. 2013)"},
      {"ruie", MetricKind::kLinearised,
       "F1 of the tuples read from a linearised answer, micro over each task's records, then the "
       "mean over the tasks; as RUIE's own scorer reads them, strict reading in the parts.",
       "documents, or records with the fields query and answer", "RUIE (arXiv 2409.11673)"},
  };
}

}  // namespace

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> kAll = [] {
    std::vector<Metric> list = pair_metric_list();
    for (Metric& metric : document_metric_list()) list.push_back(std::move(metric));
    return list;
  }();
  return kAll;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const Metric& metric : metrics()) names.push_back(metric.name);
  return names;
}

Result<Metric> find_metric(const std::string& name) {
  for (const Metric& metric : metrics()) {
    if (metric.name == name) return metric;
  }
  const std::vector<std::string> names = metric_names();
  const auto nearest = nearest_name(name, names);
  const std::string all = fmt::format("use one of: {}", fmt::join(names, ", "));
  return usage_error(fmt::format("unknown metric '{}'", name),
                     nearest ? fmt::format("did you mean '{}'? {}", *nearest, all) : all);
}

}  // namespace relata::eval
