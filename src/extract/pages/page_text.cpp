#include "pages/page_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "relata/base/html.h"
#include "relata/text/sentences.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Entity;
using text::ByteRange;

bool is_usable(const ByteRange& range, const std::string& text) {
  return range.begin < range.end && range.end <= text.size();
}

// The number of the sentence in which a place is; those between sentences count with the former.
size_t sentence_of(size_t place, const std::vector<ByteRange>& sentences) {
  const auto after =
      std::upper_bound(sentences.begin(), sentences.end(), place,
                       [](size_t at, const ByteRange& sentence) { return at < sentence.begin; });
  return static_cast<size_t>(after - sentences.begin());
}

// The mentions of head and tail that stand nearest to each other, in one sentence rather than in
// two; nothing if one has none.
std::optional<std::pair<ByteRange, ByteRange>> nearest_pair(const Document& document,
                                                            const std::vector<ByteRange>& sentences,
                                                            const Entity& head,
                                                            const Entity& tail) {
  std::optional<std::pair<ByteRange, ByteRange>> best;
  std::pair<bool, size_t> least{true, std::numeric_limits<size_t>::max()};
  for (const ByteRange& a : head.mentions) {
    for (const ByteRange& b : tail.mentions) {
      if (!is_usable(a, document.text) || !is_usable(b, document.text)) continue;
      const std::pair<bool, size_t> distance{
          sentence_of(a.begin, sentences) != sentence_of(b.begin, sentences),
          std::max(a.end, b.end) - std::min(a.begin, b.begin)};
      if (best && distance >= least) continue;
      least = distance;
      best = {a, b};
    }
  }
  return best;
}

// The sentences that a range touches, as one range that holds it.
ByteRange sentence_around(const ByteRange& range, const std::vector<ByteRange>& sentences,
                          const std::string& text) {
  ByteRange out = range;
  for (const ByteRange& sentence : sentences) {
    const bool touches = sentence.begin < range.end && range.begin < sentence.end;
    if (!touches || !is_usable(sentence, text)) continue;
    out = {std::min(out.begin, sentence.begin), std::max(out.end, sentence.end)};
  }
  return out;
}

// Evidence of each relation, in bytes.
std::vector<std::vector<ByteRange>> evidence_ranges(const Document& document) {
  std::vector<ByteRange> sentences = document.sentences;
  std::vector<std::vector<ByteRange>> out;
  for (const data::Relation& relation : document.relations) {
    std::vector<ByteRange>& ranges = out.emplace_back();
    for (const ByteRange& range : relation.evidence) {
      if (is_usable(range, document.text)) ranges.push_back(range);
    }
    if (!ranges.empty()) continue;
    if (sentences.empty()) sentences = text::split_sentences(document.text);
    const auto pair =
        nearest_pair(document, sentences, document.entities.at(static_cast<size_t>(relation.head)),
                     document.entities.at(static_cast<size_t>(relation.tail)));
    if (!pair) continue;
    for (const ByteRange& mention : {pair->first, pair->second}) {
      const ByteRange sentence = sentence_around(mention, sentences, document.text);
      if (ranges.empty() || ranges.front() != sentence) ranges.push_back(sentence);
    }
  }
  return out;
}

struct Event {
  size_t entity;
  bool begins;
};

class TextMarker {
 public:
  TextMarker(const Document& document, const std::vector<int>& colours,
             const std::vector<int>& nodes)
      : document_(document), colours_(colours), nodes_(nodes) {}

  MarkedText mark() {
    const auto evidence = evidence_ranges(document_);
    collect(evidence);
    MarkedText out;
    std::multiset<size_t> open;
    std::map<size_t, size_t> run_at;
    size_t runs = 0;
    for (auto stop = stops_.begin(); stop != stops_.end(); ++stop) {
      run_at[*stop] = runs;
      if (std::next(stop) == stops_.end()) break;
      for (const Event& event : events_[*stop]) {
        if (event.begins) {
          open.insert(event.entity);
        } else {
          open.erase(open.find(event.entity));
        }
      }
      const std::string_view run =
          std::string_view(document_.text).substr(*stop, *std::next(stop) - *stop);
      out.html += run_html(run, {open.begin(), open.end()});
      ++runs;
    }
    for (const auto& ranges : evidence) {
      auto& intervals = out.evidence.emplace_back();
      for (const ByteRange& range : ranges) {
        intervals.emplace_back(run_at.at(range.begin), run_at.at(range.end));
      }
    }
    return out;
  }

 private:
  void collect(const std::vector<std::vector<ByteRange>>& evidence) {
    stops_ = {0, document_.text.size()};
    for (size_t e = 0; e < document_.entities.size(); ++e) {
      for (const ByteRange& mention : document_.entities[e].mentions) {
        if (!is_usable(mention, document_.text)) continue;
        events_[mention.begin].push_back({e, true});
        events_[mention.end].push_back({e, false});
        stops_.insert({mention.begin, mention.end});
      }
    }
    for (const auto& ranges : evidence) {
      for (const ByteRange& range : ranges) stops_.insert({range.begin, range.end});
    }
  }

  std::string run_html(std::string_view run, const std::set<size_t>& entities) const {
    const std::string text = escape_html(run);
    if (entities.empty()) return "<span>" + text + "</span>";
    std::string title;
    std::string nodes;
    for (const size_t entity : entities) {
      title += (title.empty() ? "" : "\n") + describe(document_.entities[entity]);
      if (nodes_[entity] >= 0) {
        nodes += (nodes.empty() ? "" : " ") + std::to_string(nodes_[entity]);
      }
    }
    return fmt::format(
        "<mark class=\"c{}{}{}\"{} title=\"{}\">{}</mark>", colours_[*entities.begin()],
        entities.size() > 1 ? " many" : "", nodes.empty() ? " lone" : "",
        nodes.empty() ? "" : fmt::format(" data-n=\"{}\"", nodes), escape_html(title), text);
  }

  const Document& document_;
  const std::vector<int>& colours_;
  const std::vector<int>& nodes_;
  std::map<size_t, std::vector<Event>> events_;
  std::set<size_t> stops_;
};

}  // namespace

std::string describe(const Entity& entity) {
  std::string out = entity.id + ": " + entity.text;
  if (!entity.type.empty()) out += " (" + entity.type + ")";
  return out;
}

MarkedText marked_text(const Document& document, const std::vector<int>& colours,
                       const std::vector<int>& nodes) {
  return TextMarker(document, colours, nodes).mark();
}

}  // namespace relata::extract
