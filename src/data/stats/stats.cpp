#include "relata/data/stats.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "relata/data/schema.h"
#include "relata/text/sentences.h"
#include "stats_summary.h"

namespace relata::data {
namespace {

constexpr size_t kExamples = 5;

// The smallest number of bytes between mentions of the two; none if one is not in the text.
std::optional<std::pair<ByteRange, ByteRange>> nearest(const Entity& a, const Entity& b) {
  std::optional<std::pair<ByteRange, ByteRange>> best;
  size_t least = 0;
  for (const ByteRange& x : a.mentions) {
    for (const ByteRange& y : b.mentions) {
      const size_t gap = x.begin > y.begin ? x.begin - std::min(x.begin, y.end)
                                           : y.begin - std::min(y.begin, x.end);
      if (best && gap >= least) continue;
      best = {x, y};
      least = gap;
    }
  }
  return best;
}

size_t sentence_of(const std::vector<ByteRange>& sentences, size_t at) {
  const auto after = std::upper_bound(
      sentences.begin(), sentences.end(), at,
      [](size_t byte, const ByteRange& sentence) { return byte < sentence.begin; });
  return static_cast<size_t>(after - sentences.begin());
}

// The same text with the same pair of names.
std::string pair_key(const Document& document, int head, int tail) {
  return document.text + "\x1F" + document.entities.at(head).text + "\x1F" +
         document.entities.at(tail).text;
}

// Counts of one part, or of all.
class Picture {
 public:
  void add(const Dataset& dataset) {
    format_ = dataset.format;
    skipped_ += dataset.skipped.size();
    fixed_ += dataset.fixed.size();
    const size_t first = documents_;
    for (const Document& document : dataset.documents) add_document(document);
    const auto queries = pair_queries(dataset.documents, PairChoice::kAll);
    std::vector<size_t> per_document(dataset.documents.size(), 0);
    for (const PairQuery& query : queries) {
      ++per_document[query.document];
      several_ += query.labels.size() > 1;
      add_query(dataset.documents[query.document], query,
                first + static_cast<size_t>(query.document));
    }
    pairs_ += queries.size();
    for (const size_t count : per_document) pairs_per_document_.push_back(count);
  }

  Json to_json() {
    Json out;
    out["format"] = format_;
    out["documents"] = documents_;
    out["distinct_texts"] = texts_.size();
    out["documents_without_relations"] = without_relations_;
    out["stated_sentences"] = stated_sentences_;
    out["entities"] = entities_;
    out["mentions"] = mentions_;
    out["relations"] = relations_;
    out["events"] = events_;
    out["arguments"] = arguments_;
    out["pairs"] = pairs_;
    out["pairs_with_several_relations"] = several_;
    out["skipped"] = skipped_;
    out["fixed"] = fixed_;
    out["code_points"] = summarize(std::move(lengths_));
    out["sentences"] = summarize(std::move(sentence_counts_));
    out["sentence_code_points"] = summarize(std::move(sentence_lengths_));
    out["mentions_per_entity"] = summarize(std::move(mentions_per_entity_));
    out["pairs_per_document"] = summarize(std::move(pairs_per_document_));
    out["relation_distance"] = summarize(std::move(distances_));
    out["relation_sentences_apart"] = summarize(std::move(sentences_apart_));
    out["entity_types"] = by_frequency(entity_types_);
    out["relation_types"] = by_frequency(relation_types_);
    out["event_types"] = by_frequency(event_types_);
    out["roles"] = by_frequency(roles_);
    out["duplicates"] = {{"documents", documents_ - texts_.size()},
                         {"pairs_stated_again", pairs_again_},
                         {"examples", std::move(duplicate_examples_)}};
    out["contradictions"] = {{"negative_and_other_label", negative_and_other_},
                             {"different_labels", different_labels_},
                             {"examples", std::move(contradiction_examples_)}};
    return out;
  }

 private:
  struct StatedPair {
    size_t document = 0;
    std::set<std::string> labels;
  };

  void add_document(const Document& document) {
    ++documents_;
    entities_ += document.entities.size();
    relations_ += document.relations.size();
    without_relations_ += document.relations.empty();
    stated_sentences_ += document.sentences.size();
    const text::OffsetMap offsets(document.text);
    lengths_.push_back(offsets.code_points());
    const std::vector<ByteRange> sentences =
        document.sentences.empty() ? text::split_sentences(document.text) : document.sentences;
    sentence_counts_.push_back(sentences.size());
    for (const ByteRange& sentence : sentences) {
      sentence_lengths_.push_back(offsets.to_code_point(sentence.end) -
                                  offsets.to_code_point(sentence.begin));
    }
    const auto [first, is_new] = texts_.try_emplace(document.text, document.id);
    if (!is_new && duplicate_examples_.size() < kExamples) {
      duplicate_examples_.push_back({first->second, document.id});
    }
    for (const Entity& entity : document.entities) {
      mentions_ += entity.mentions.size();
      mentions_per_entity_.push_back(entity.mentions.size());
      if (!entity.type.empty()) ++entity_types_[entity.type];
    }
    for (const Event& event : document.events) {
      ++events_;
      arguments_ += event.arguments.size();
      if (!event.type.empty()) ++event_types_[event.type];
      for (const Argument& argument : event.arguments) ++roles_[argument.role];
    }
    for (const Relation& relation : document.relations) {
      ++relation_types_[relation.type];
      add_distance(document, relation, offsets, sentences);
    }
  }

  void add_distance(const Document& document, const Relation& relation,
                    const text::OffsetMap& offsets, const std::vector<ByteRange>& sentences) {
    const auto places =
        nearest(document.entities.at(relation.head), document.entities.at(relation.tail));
    if (!places) return;
    const auto& [a, b] = *places;
    const size_t from = offsets.to_code_point(std::min(a.end, b.end));
    const size_t to = offsets.to_code_point(std::max(a.begin, b.begin));
    distances_.push_back(to > from ? to - from : 0);
    const size_t first = sentence_of(sentences, std::min(a.begin, b.begin));
    const size_t last = sentence_of(sentences, std::max(a.begin, b.begin));
    sentences_apart_.push_back(last - first);
  }

  // Labels of one pair of names in one text, wherever the text occurs.
  void add_query(const Document& document, const PairQuery& query, size_t number) {
    const std::set<std::string> labels(query.labels.begin(), query.labels.end());
    const bool negative = std::any_of(labels.begin(), labels.end(), is_negative_name);
    if (negative && labels.size() > 1) {
      ++negative_and_other_;
      add_contradiction(document, query, labels);
    }
    // In one document, entities of one name are different things.
    const auto [known, is_new] = pair_labels_.try_emplace(
        std::hash<std::string>()(pair_key(document, query.head, query.tail)),
        StatedPair{number, labels});
    if (is_new || known->second.document == number) return;
    ++pairs_again_;
    if (known->second.labels == labels) return;
    ++different_labels_;
    std::set<std::string> all = known->second.labels;
    all.insert(labels.begin(), labels.end());
    add_contradiction(document, query, all);
  }

  void add_contradiction(const Document& document, const PairQuery& query,
                         const std::set<std::string>& labels) {
    if (contradiction_examples_.size() >= kExamples) return;
    contradiction_examples_.push_back({{"document", document.id},
                                       {"head", document.entities.at(query.head).text},
                                       {"tail", document.entities.at(query.tail).text},
                                       {"labels", labels}});
  }

  std::string format_;
  size_t documents_ = 0;
  size_t entities_ = 0;
  size_t mentions_ = 0;
  size_t relations_ = 0;
  size_t without_relations_ = 0;
  size_t stated_sentences_ = 0;
  size_t events_ = 0;
  size_t arguments_ = 0;
  size_t pairs_ = 0;
  size_t several_ = 0;
  size_t skipped_ = 0;
  size_t fixed_ = 0;
  size_t pairs_again_ = 0;
  size_t negative_and_other_ = 0;
  size_t different_labels_ = 0;
  std::vector<size_t> lengths_;
  std::vector<size_t> sentence_counts_;
  std::vector<size_t> sentence_lengths_;
  std::vector<size_t> mentions_per_entity_;
  std::vector<size_t> pairs_per_document_;
  std::vector<size_t> distances_;
  std::vector<size_t> sentences_apart_;
  LabelCounts entity_types_;
  LabelCounts relation_types_;
  LabelCounts event_types_;
  LabelCounts roles_;
  std::unordered_map<std::string_view, std::string> texts_;  // to the first document's id
  std::unordered_map<size_t, StatedPair> pair_labels_;       // by the hash of text and names
  Json duplicate_examples_ = Json::array();
  Json contradiction_examples_ = Json::array();
};

// What two parts may share.
struct Contents {
  std::unordered_set<std::string> texts;
  std::unordered_set<std::string> names;
  std::unordered_set<std::string> pairs;
  std::unordered_set<std::string> triples;
  std::set<std::string> labels;
};

Contents contents_of(const Dataset& dataset) {
  Contents contents;
  for (const Document& document : dataset.documents) {
    contents.texts.insert(document.text);
    for (const Entity& entity : document.entities) {
      contents.names.insert(entity.text);
      if (!entity.type.empty()) contents.labels.insert(entity.type);
    }
    for (const Relation& relation : document.relations) {
      const std::string pair = document.entities.at(relation.head).text + "\x1F" +
                               document.entities.at(relation.tail).text;
      contents.labels.insert(relation.type);
      contents.pairs.insert(pair);
      contents.triples.insert(pair + "\x1F" + relation.type);
    }
    for (const Event& event : document.events) {
      if (!event.type.empty()) contents.labels.insert(event.type);
    }
  }
  return contents;
}

Json shared_share(const std::unordered_set<std::string>& first,
                  const std::unordered_set<std::string>& second) {
  size_t shared = 0;
  for (const std::string& item : second) shared += first.contains(item);
  return {
      {"shared", shared},
      {"of", second.size()},
      {"share",
       second.empty() ? 0.0 : static_cast<double>(shared) / static_cast<double>(second.size())}};
}

Json overlap_of(const NamedDataset& a, const Contents& first, const NamedDataset& b,
                const Contents& second) {
  Json unseen = Json::array();
  for (const std::string& label : second.labels) {
    if (!first.labels.contains(label)) unseen.push_back(label);
  }
  return {{"in", a.name},
          {"of", b.name},
          {"texts", shared_share(first.texts, second.texts)},
          {"entity_names", shared_share(first.names, second.names)},
          {"pairs", shared_share(first.pairs, second.pairs)},
          {"triples", shared_share(first.triples, second.triples)},
          {"labels_only_here", std::move(unseen)}};
}

}  // namespace

Json dataset_picture(const std::vector<NamedDataset>& parts) {
  Picture all;
  for (const NamedDataset& part : parts) all.add(part.dataset);
  Json out = all.to_json();
  if (parts.size() < 2) return out;
  std::vector<Contents> contents;
  for (const NamedDataset& part : parts) {
    Picture picture;
    picture.add(part.dataset);
    out["parts"][part.name] = picture.to_json();
    contents.push_back(contents_of(part.dataset));
  }
  out["overlap"] = Json::array();
  for (size_t i = 0; i < parts.size(); ++i) {
    for (size_t k = 0; k < parts.size(); ++k) {
      if (i != k)
        out["overlap"].push_back(overlap_of(parts[i], contents[i], parts[k], contents[k]));
    }
  }
  return out;
}

Json dataset_stats(const Dataset& dataset) {
  Picture picture;
  picture.add(dataset);
  return picture.to_json();
}

}  // namespace relata::data
