#include "fitting.h"

#include <algorithm>

#include "relata/data/windows.h"
#include "relata/text/sentences.h"

namespace relata::extract {
namespace {

using data::ByteRange;
using data::Document;
using data::Entity;

// From the first to the last byte of the two mentions that are nearest to each other. An entity
// that the text does not mention has no say.
ByteRange nearest_mentions(const Entity& head, const Entity& tail) {
  if (head.mentions.empty() && tail.mentions.empty()) return {};
  if (head.mentions.empty()) return tail.mentions.front();
  if (tail.mentions.empty()) return head.mentions.front();
  ByteRange best{0, static_cast<size_t>(-1)};
  for (const ByteRange& one : head.mentions) {
    for (const ByteRange& other : tail.mentions) {
      const ByteRange both{std::min(one.begin, other.begin), std::max(one.end, other.end)};
      if (both.end - both.begin < best.end - best.begin) best = both;
    }
  }
  return best;
}

// The entity in the part; one without mentions there is added as the document names it.
int place_entity(const Entity& entity, Document& part) {
  for (size_t i = 0; i < part.entities.size(); ++i) {
    if (part.entities[i].id == entity.id) return static_cast<int>(i);
  }
  Entity copy = entity;
  copy.mentions.clear();
  copy.names.clear();
  part.entities.push_back(std::move(copy));
  return static_cast<int>(part.entities.size()) - 1;
}

class Fitter {
 public:
  Fitter(const Document& document, int head, int tail, const Fits& fits)
      : document_(document),
        head_(document.entities.at(static_cast<size_t>(head))),
        tail_(document.entities.at(static_cast<size_t>(tail))),
        fits_(fits),
        core_(nearest_mentions(head_, tail_)) {}

  Result<std::optional<Excerpt>> run() {
    const std::vector<ByteRange> sentences =
        document_.sentences.empty() ? text::split_sentences(document_.text) : document_.sentences;
    size_t first = 0;  // of the sentences that the core touches
    while (first + 1 < sentences.size() && sentences[first].end <= core_.begin) ++first;
    size_t last = first;
    while (last + 1 < sentences.size() && sentences[last].end < core_.end) ++last;
    const auto with_sentences = [&](size_t more) {
      const size_t from = first - std::min(first, more);
      const size_t to = std::min(last + more, sentences.size() - 1);
      return ByteRange{std::min(sentences[from].begin, core_.begin),
                       std::max(sentences[to].end, core_.end)};
    };
    if (!sentences.empty()) {
      RELATA_TRY(auto found, widest(sentences.size(), with_sentences));
      if (found) return found;
    }
    return widest(document_.text.size(), [&](size_t more) { return with_bytes(more); });
  }

 private:
  // The excerpt of the widest range that fits, of those for 0 to `most`; none if 0 does not.
  template <class RangeOf>
  Result<std::optional<Excerpt>> widest(size_t most, RangeOf&& range_of) {
    std::optional<Excerpt> best = make(range_of(0));
    RELATA_TRY(const bool any, fits_(*best));
    if (!any) return std::optional<Excerpt>();
    size_t good = 0;
    size_t bad = most + 1;
    while (bad - good > 1) {
      const size_t middle = good + (bad - good) / 2;
      Excerpt excerpt = make(range_of(middle));
      RELATA_TRY(const bool fits, fits_(excerpt));
      if (fits) {
        good = middle;
        best = std::move(excerpt);
      } else {
        bad = middle;
      }
    }
    return best;
  }

  // So many bytes more on either side, but no part of a character, and no part of a word where
  // words are written apart.
  ByteRange with_bytes(size_t more) const {
    const std::string& text = document_.text;
    size_t begin = core_.begin - std::min(core_.begin, more);
    size_t end = std::min(core_.end + more, text.size());
    const auto is_inner = [&](size_t at) {
      return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    };
    while (begin < core_.begin && is_inner(begin)) ++begin;
    while (end > core_.end && is_inner(end)) --end;
    if (begin > 0) {
      const size_t space = text.find(' ', begin);
      if (space < core_.begin) begin = space + 1;
    }
    if (end < text.size() && end > core_.end) {
      const size_t space = text.rfind(' ', end - 1);
      if (space != std::string::npos && space >= core_.end) end = space;
    }
    return {begin, end};
  }

  Excerpt make(const ByteRange& range) const {
    Excerpt excerpt;
    excerpt.document = data::part_of(document_, range);
    excerpt.document.id = document_.id;
    excerpt.head = place_entity(head_, excerpt.document);
    excerpt.tail = place_entity(tail_, excerpt.document);
    return excerpt;
  }

  const Document& document_;
  const Entity& head_;
  const Entity& tail_;
  const Fits& fits_;
  ByteRange core_;
};

}  // namespace

Result<std::optional<Excerpt>> excerpt_around(const Document& document, int head, int tail,
                                              const Fits& fits) {
  return Fitter(document, head, tail, fits).run();
}

}  // namespace relata::extract
