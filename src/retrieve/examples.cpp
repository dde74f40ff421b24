#include "relata/retrieve/examples.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_set>

#include "relata/base/hash.h"
#include "relata/base/parallel.h"
#include "relata/data/formats.h"
#include "relata/text/utf8.h"

namespace relata::retrieve {
namespace {

using data::ByteRange;
using data::Document;
using data::Entity;

constexpr int kRevision = 3;  // grows with every change of what is found

// Candidates from which the examples are chosen, for each of them.
constexpr size_t kCandidates = 5;

std::vector<Example> pair_examples(const std::vector<Document>& documents) {
  std::vector<Example> out;
  for (data::PairQuery& query : data::pair_queries(documents)) {
    Example example;
    example.document = static_cast<size_t>(query.document);
    example.head = query.head;
    example.tail = query.tail;
    for (std::string& label : query.labels) {
      const bool known =
          std::find(example.labels.begin(), example.labels.end(), label) != example.labels.end();
      if (!known) example.labels.push_back(std::move(label));
    }
    out.push_back(std::move(example));
  }
  return out;
}

std::vector<Example> examples_of(const std::vector<Document>& documents, ExampleUnit unit) {
  if (unit == ExampleUnit::Pair) return pair_examples(documents);
  std::vector<Example> out;
  for (size_t i = 0; i < documents.size(); ++i) {
    if (documents[i].text.empty()) continue;
    out.emplace_back().document = i;
  }
  return out;
}

// An instance of each task in each document; of arguments, one for each event with a trigger.
std::vector<Example> instance_examples(const std::vector<Document>& documents,
                                       const std::vector<IeTask>& tasks) {
  std::vector<Example> out;
  const auto add = [&](size_t document, IeTask task, int event) {
    Example example;
    example.document = document;
    example.task = task;
    example.event = event;
    out.push_back(std::move(example));
  };
  for (const IeTask task : tasks) {
    for (size_t i = 0; i < documents.size(); ++i) {
      if (documents[i].text.empty()) continue;
      if (task != IeTask::kEae) {
        add(i, task, -1);
        continue;
      }
      for (size_t e = 0; e < documents[i].events.size(); ++e) {
        const ByteRange& trigger = documents[i].events[e].trigger;
        if (trigger.begin < trigger.end) add(i, task, static_cast<int>(e));
      }
    }
  }
  return out;
}

Instance instance_of(const Document& document, IeTask task, int event, const data::Schema& schema) {
  if (task == IeTask::kEae) {
    return argument_instance(document, document.events.at(static_cast<size_t>(event)), schema);
  }
  return instances_of(document, task, schema).front();
}

// What a search compares with questions.
Passage passage_of(const Document& document, const Example& example, const PoolOptions& options) {
  Passage out;
  out.id = document.id;
  if (!example.task) {
    out.text = query_text({&document, example.head, example.tail, ""}, options.form);
    return out;
  }
  const InstanceOptions& how = *options.instances;
  out.partition = ie_task_name(*example.task);
  out.text = retriever_passage(instance_of(document, *example.task, example.event, how.schema),
                               *example.task, how.form);
  return out;
}

Json ranges_json(const std::vector<ByteRange>& ranges) {
  Json out = Json::array();
  for (const ByteRange& range : ranges) out.push_back({range.begin, range.end});
  return out;
}

// A document but for its name and what is noted about it.
std::string bare_line(Document document) {
  document.id.clear();
  document.meta = nullptr;
  return data::to_json_line(document);
}

// What an example says, whatever document says it: `whole`, a hash of the document's text or, of
// documents, of all that it states.
std::string content_of(const Document& document, const Example& example, const std::string& whole) {
  Json out = Json::array({whole});
  if (example.head < 0) {
    out.push_back(example.task ? static_cast<int>(*example.task) : -1);
    out.push_back(example.event);
    return out.dump();
  }
  for (const int end : {example.head, example.tail}) {
    const Entity& entity = document.entities.at(static_cast<size_t>(end));
    out.push_back({entity.text, entity.type, ranges_json(entity.mentions)});
  }
  std::vector<std::string> labels = example.labels;
  std::sort(labels.begin(), labels.end());
  out.push_back(labels);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<bool> copies_among(const std::vector<Document>& documents,
                               const std::vector<Example>& examples) {
  const bool of_pairs = !examples.empty() && examples.front().head >= 0;
  std::vector<std::string> wholes(documents.size());
  run_pieces(documents.size(), [&](size_t i) {
    wholes[i] = sha256_hex(of_pairs ? documents[i].text : bare_line(documents[i]));
  });
  std::vector<std::string> contents(examples.size());
  run_pieces(examples.size(), [&](size_t i) {
    const size_t document = examples[i].document;
    contents[i] = content_of(documents[document], examples[i], wholes[document]);
  });
  std::unordered_set<std::string_view> known;
  std::vector<bool> out;
  for (const std::string& content : contents) out.push_back(!known.insert(content).second);
  return out;
}

bool has_event(const Document& document, const std::string& type) {
  return std::any_of(document.events.begin(), document.events.end(),
                     [&](const data::Event& event) { return event.type == type; });
}

bool is_mark(unsigned char byte) {
  return byte < 0x80U &&
         (byte < '0' || (byte > '9' && byte < 'A') || (byte > 'Z' && byte < 'a') || byte > 'z');
}

// The text with each mention of the two replaced by its entity's type.
std::string masked_text(const Document& document, const Entity& head, const Entity& tail) {
  struct Place {
    ByteRange range;
    const Entity* entity;
  };
  std::vector<Place> places;
  for (const Entity* entity : {&head, &tail}) {
    for (const ByteRange& mention : entity->mentions) places.push_back({mention, entity});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
  });
  std::string out;
  size_t at = 0;
  for (const auto& [range, entity] : places) {
    if (range.end <= at || range.end > document.text.size()) continue;
    if (range.begin > at) out.append(document.text, at, range.begin - at);
    out += " " + entity->type + " ";
    at = range.end;
  }
  return out + document.text.substr(at);
}

// The two mentions that are nearest to each other; empty ranges where one has none.
std::pair<ByteRange, ByteRange> nearest_mentions(const Document& document, const Entity& head,
                                                 const Entity& tail) {
  size_t least = SIZE_MAX;
  std::pair<ByteRange, ByteRange> best;
  for (const ByteRange& one : head.mentions) {
    for (const ByteRange& other : tail.mentions) {
      const size_t end = std::max(one.end, other.end);
      const size_t length = end - std::min(one.begin, other.begin);
      if (length >= least || end > document.text.size()) continue;
      least = length;
      best = {one, other};
    }
  }
  return best;
}

// Words of scripts that write them apart; what else there is parts them.
std::vector<std::string> spaced_words(std::string_view text) {
  std::vector<std::string> out;
  bool open = false;
  for (size_t at = 0; at < text.size();) {
    const size_t length = text::code_point_length(text, at);
    const auto first = static_cast<unsigned char>(text[at]);
    // Bytes from 0xE2 on begin code points from U+2000: signs, then scripts without spaces.
    const bool is_word = length > 1 ? first < 0xE2U : !is_mark(first);
    if (is_word && !open) out.emplace_back();
    if (is_word) out.back() += text.substr(at, length);
    open = is_word;
    at += length;
  }
  return out;
}

// The words between head and tail, by ones, twos and threes in their order, each as one word that
// nothing else in the text can be: what a pair's relation is told by is often a preposition, which
// analyzers drop, and on which side of the words the head stands.
std::string between_terms(const Document& document, const ByteRange& head, const ByteRange& tail) {
  const bool head_first = head.begin <= tail.begin;
  const size_t begin = std::min(head.end, tail.end);
  const size_t end = std::max(head.begin, tail.begin);
  std::vector<std::string> words = {head_first ? "zh" : "zt"};
  if (begin < end) {
    const auto between = spaced_words(std::string_view(document.text).substr(begin, end - begin));
    words.insert(words.end(), between.begin(), between.end());
  }
  words.push_back(head_first ? "zt" : "zh");
  std::string out;
  constexpr size_t kLongest = 3;
  for (size_t length = 1; length <= kLongest; ++length) {
    for (size_t i = 0; i + length <= words.size(); ++i) {
      const bool is_border = length == 1 && (i == 0 || i + 1 == words.size());
      if (is_border) continue;
      out += ' ';
      for (size_t k = i; k < i + length; ++k) out += "zz" + words[k];
    }
  }
  return out;
}

std::string pair_text(const Document& document, const Entity& head, const Entity& tail) {
  const auto [one, other] = nearest_mentions(document, head, tail);
  if (one.end == 0 || other.end == 0) {
    return document.text + "\n" + head.text + " " + tail.text;
  }
  const size_t begin = std::min(one.begin, other.begin);
  const size_t end = std::max(one.end, other.end);
  return document.text + "\n" + document.text.substr(begin, end - begin) + kTermsMark +
         between_terms(document, one, other);
}

}  // namespace

std::string query_text(const ExampleQuery& query, QueryForm form) {
  const Document& document = *query.document;
  if (query.head < 0 || query.tail < 0 || form == QueryForm::Sentence) return document.text;
  const Entity& head = document.entities.at(static_cast<size_t>(query.head));
  const Entity& tail = document.entities.at(static_cast<size_t>(query.tail));
  if (form == QueryForm::Masked) return masked_text(document, head, tail);
  return pair_text(document, head, tail);
}

Result<ExamplePool> ExamplePool::make(std::vector<Document> documents, const PoolOptions& options,
                                      const RankerMaker& make_ranker) {
  if (documents.empty()) {
    return input_error("the pool of examples is empty", "give labelled documents");
  }
  ExamplePool pool;
  pool.options_ = options;
  pool.options_.accept = nullptr;  // it may borrow
  pool.documents_ = std::move(documents);
  pool.examples_ = options.instances ? instance_examples(pool.documents_, options.instances->tasks)
                                     : examples_of(pool.documents_, options.unit);
  if (options.accept) {
    std::erase_if(pool.examples_, [&](const Example& example) {
      return !options.accept(pool.documents_[example.document], example);
    });
  }
  if (pool.examples_.empty()) {
    return input_error(
        "none of the pool's " + std::to_string(pool.documents_.size()) +
            " documents has an example: " +
            (options.unit == ExampleUnit::Pair ? "a pair of entities with a label of the schema"
                                               : "a text with what is marked in it"),
        "examples are shown with their answers; give labelled documents");
  }
  pool.texts_.resize(pool.documents_.size());
  run_pieces(pool.documents_.size(),
             [&](size_t i) { pool.texts_[i] = ComparableText(pool.documents_[i].text); });
  pool.is_copy_ = copies_among(pool.documents_, pool.examples_);
  std::vector<Passage> passages;
  passages.reserve(pool.examples_.size());
  for (const Example& example : pool.examples_) {
    passages.push_back(passage_of(pool.documents_[example.document], example, options));
  }
  pool.chance_ = make_random_ranker(passages, 0);
  RELATA_TRY(pool.ranker_, make_ranker(std::move(passages)));
  return pool;
}

Result<std::string> ExamplePool::text_of(const ExampleQuery& query) const {
  if (!options_.instances) return query_text(query, options_.form);
  if (!query.task) return internal_error("a pool of instances is asked without a task");
  return retriever_query(
      instance_of(*query.document, *query.task, query.event, options_.instances->schema),
      *query.task, options_.instances->form);
}

// Several instances of a document are one example: it is shown whole.
bool ExamplePool::same_example(size_t a, size_t b) const {
  if (!options_.instances) return a == b;
  return examples_[a].document == examples_[b].document && examples_[a].task == examples_[b].task;
}

std::vector<Hit> ExamplePool::distinct(const std::vector<Hit>& ranked) const {
  if (!options_.instances) return ranked;
  std::vector<Hit> out;
  for (const Hit& hit : ranked) {
    const bool known = std::any_of(out.begin(), out.end(), [&](const Hit& other) {
      return same_example(hit.passage, other.passage);
    });
    if (!known) out.push_back(hit);
  }
  return out;
}

Result<FoundExamples> ExamplePool::find(const ExampleQuery& query, size_t k) const {
  FoundExamples out;
  if (k == 0) return out;
  const ComparableText own(query.document->text);
  std::mutex asking;          // rankers may ask from several threads
  std::set<size_t> left_out;  // several may ask about the same one
  SearchOptions search;
  const double diversity = query.diverse ? options_.diversity : 0.0;
  search.k = diversity > 0 || query.event >= 0 ? k * kCandidates : k;
  if (options_.instances && query.task) search.partition = ie_task_name(*query.task);
  search.skip = [&](size_t passage) {
    const Example& example = examples_[passage];
    const Document& document = documents_[example.document];
    if (is_copy_[passage]) return true;
    if (!query.event_type.empty() && !has_event(document, query.event_type)) return true;
    if (example.event >= 0 &&
        document.events[static_cast<size_t>(example.event)].type != query.event_type) {
      return true;
    }
    const bool same = is_duplicate(own, texts_[example.document], options_.near_duplicate);
    if (same) {
      const std::lock_guard lock(asking);
      left_out.insert(passage);
    }
    return same;
  };
  RELATA_TRY(const std::string text, text_of(query));
  RELATA_TRY(const auto ranked, ranker_->search(text, search));
  out.best = choose(distinct(ranked), k, diversity);
  RELATA_CHECK(fill_up(text, search, k, out.best));
  out.duplicates = std::ssize(left_out);
  return out;
}

// Examples also show what an answer looks like, which any of them does.
Status ExamplePool::fill_up(const std::string& query, const SearchOptions& search, size_t k,
                            std::vector<FoundExample>& best) const {
  if (best.size() >= k) return {};
  SearchOptions others = search;
  others.k = k;
  RELATA_TRY(const auto hits, chance_->search(query, others));
  const auto is_new = [&](size_t example) {
    return std::none_of(best.begin(), best.end(), [&](const FoundExample& known) {
      return same_example(known.example, example);
    });
  };
  for (const Hit& hit : hits) {
    if (best.size() < k && is_new(hit.passage)) best.push_back({hit.passage, 0.0});
  }
  return {};
}

// Greedy maximal marginal relevance; the nearest is always the first.
std::vector<FoundExample> ExamplePool::choose(const std::vector<Hit>& ranked, size_t k,
                                              double diversity) const {
  std::vector<FoundExample> out;
  const double top = ranked.empty() ? 0.0 : ranked.front().score;
  std::vector<double> nearest(ranked.size(), 0.0);  // similarity to the nearest chosen one
  std::vector<bool> taken(ranked.size(), false);
  while (out.size() < std::min(k, ranked.size())) {
    size_t best = ranked.size();
    double best_value = 0.0;
    for (size_t i = 0; i < ranked.size(); ++i) {
      if (taken[i]) continue;
      // Inner products may all be below 0; their order counts then.
      const double relevance = top > 0 ? ranked[i].score / top : 1.0 / static_cast<double>(i + 1);
      const double value = (1.0 - diversity) * relevance - diversity * nearest[i];
      if (best < ranked.size() && value <= best_value) continue;
      best = i;
      best_value = value;
    }
    taken[best] = true;
    out.push_back({ranked[best].passage, std::max(ranked[best].score, 0.0)});
    const auto shingles = [&](size_t i) -> const std::vector<uint32_t>& {
      return texts_[examples_[ranked[i].passage].document].shingles;
    };
    for (size_t i = 0; diversity > 0 && i < ranked.size(); ++i) {
      if (taken[i]) continue;
      nearest[i] = std::max(nearest[i], shingle_similarity(shingles(best), shingles(i)));
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const FoundExample& a, const FoundExample& b) { return a.score > b.score; });
  return out;
}

std::string ExamplePool::identity() const {
  std::string all = std::to_string(kRevision) +
                    (options_.unit == ExampleUnit::Pair ? " pair " : " document ") +
                    std::to_string(static_cast<int>(options_.form)) + " " +
                    std::to_string(options_.near_duplicate) + " " +
                    std::to_string(options_.diversity) + " " + ranker_->identity() + "\n";
  if (options_.instances) {
    all += std::string("instances ") + (options_.instances->form.tags ? "tagged" : "plain");
    for (const IeTask task : options_.instances->tasks) all += " " + ie_task_name(task);
    all += "\n" + data::schema_to_json(options_.instances->schema).dump() + "\n";
  }
  for (const Document& document : documents_) all += sha256_hex(data::to_json_line(document));
  return "sha256:" + sha256_hex(all);
}

}  // namespace relata::retrieve
