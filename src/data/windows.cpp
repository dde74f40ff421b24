#include "relata/data/windows.h"

#include <algorithm>

#include "reading.h"
#include "relata/text/sentences.h"

namespace relata::data {
namespace {

bool inside(const ByteRange& range, const ByteRange& window) {
  return range.begin >= window.begin && range.end <= window.end;
}

ByteRange moved(const ByteRange& range, size_t begin) {
  return {range.begin - begin, range.end - begin};
}

std::vector<ByteRange> code_points_of(const std::string& text) {
  std::vector<ByteRange> units;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at + text::code_point_length(text, at);
    units.push_back({at, end});
    at = end;
  }
  return units;
}

// Units with bounds on code points, none inside another: pieces of tokenizers may share one.
std::vector<ByteRange> units_of(const std::string& text, const WindowOptions& options) {
  if (!options.units) return code_points_of(text);
  std::vector<ByteRange> units;
  size_t end = 0;
  for (ByteRange unit : options.units(text)) {
    const auto is_inner = [&](size_t at) {
      return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    };
    unit.end = std::min(unit.end, text.size());
    while (is_inner(unit.end)) ++unit.end;
    unit.begin = std::max(unit.begin, end);
    while (is_inner(unit.begin)) ++unit.begin;
    if (unit.begin >= unit.end) continue;
    units.push_back(unit);
    end = unit.end;
  }
  return units;
}

// Half-open ranges of units.
struct Piece {
  size_t begin = 0;
  size_t end = 0;
};

bool is_white(const std::string& text, const ByteRange& range) {
  const ByteRange rest = trimmed(text, range);
  return rest.begin == rest.end;
}

// The sentences in units; a unit that stands in two belongs to the first, one in none to the next.
// White space between sentences belongs to none.
std::vector<Piece> sentences_in_units(const std::string& text,
                                      const std::vector<ByteRange>& sentences,
                                      const std::vector<ByteRange>& units) {
  std::vector<Piece> pieces;
  size_t begin = 0;
  const auto add = [&](size_t last_byte) {
    while (begin < units.size() && is_white(text, units[begin])) ++begin;
    size_t end = begin;
    while (end < units.size() && units[end].begin < last_byte) ++end;
    if (end > begin) pieces.push_back({begin, end});
    begin = end;
  };
  for (const ByteRange& sentence : sentences) add(sentence.end);
  add(text.size());
  return pieces;
}

// Bounds of windows in units.
class Cutter {
 public:
  Cutter(size_t units, std::vector<Piece> sentences, const WindowOptions& options)
      : units_(units), sentences_(std::move(sentences)), options_(options) {}

  std::vector<Piece> run() const {
    std::vector<Piece> windows;
    const size_t last = sentences_.empty() ? units_ : sentences_.back().end;
    for (size_t begin = sentences_.empty() ? 0 : sentences_.front().begin; begin < last;) {
      const size_t end = end_of(begin);
      windows.push_back({begin, end});
      if (end >= last) break;
      begin = next_begin(begin, end);
    }
    return windows;
  }

 private:
  // The last sentence end that fits, or where the window is full.
  size_t end_of(size_t begin) const {
    const size_t limit = std::min(begin + options_.size, units_);
    size_t best = 0;
    for (const Piece& sentence : sentences_) {
      if (sentence.end > limit) break;
      best = sentence.end;
    }
    return best > begin ? best : limit;
  }

  // The earliest sentence begin within the overlap, `end` if there is none; inside a sentence that
  // was cut, as far back as the overlap goes. The next window must end behind this one.
  size_t next_begin(size_t begin, size_t end) const {
    const size_t earliest = std::max(begin + 1, end - std::min(options_.overlap, end));
    bool at_bound = sentences_.empty();
    for (const Piece& sentence : sentences_) at_bound |= sentence.end == end;
    if (sentences_.empty() || !at_bound) return earliest;
    for (const Piece& sentence : sentences_) {
      if (sentence.begin >= earliest && sentence.begin < end && end_of(sentence.begin) > end) {
        return sentence.begin;
      }
    }
    for (const Piece& sentence : sentences_) {
      if (sentence.begin >= end) return sentence.begin;
    }
    return end;
  }

  size_t units_;
  std::vector<Piece> sentences_;
  const WindowOptions& options_;
};

// Brings the answers about windows into one document.
class Merger {
 public:
  explicit Merger(const Document& document) {
    merged_.id = document.id;
    merged_.text = document.text;
    merged_.sentences = document.sentences;
    merged_.meta = document.meta;
    merged_.entities = document.entities;
    stated_ = document.entities.size();
  }

  void add(const Document& answer, const Window& window) {
    std::vector<int> index;
    index.reserve(answer.entities.size());
    for (const Entity& entity : answer.entities) index.push_back(add_entity(entity, window));
    for (const Relation& relation : answer.relations) {
      Relation copy = relation;
      copy.head = index.at(relation.head);
      copy.tail = index.at(relation.tail);
      for (ByteRange& evidence : copy.evidence) evidence = back(evidence, window);
      add_relation(std::move(copy));
    }
    for (const Event& event : answer.events) {
      Event copy = event;
      copy.trigger = back(event.trigger, window);
      for (Argument& argument : copy.arguments) {
        argument.range = back(argument.range, window);
        if (argument.entity >= 0) argument.entity = index.at(argument.entity);
      }
      add_event(std::move(copy));
    }
  }

  Document take() {
    for (size_t i = stated_; i < merged_.entities.size(); ++i) sort_mentions(merged_.entities[i]);
    return std::move(merged_);
  }

 private:
  static ByteRange back(const ByteRange& range, const Window& window) {
    if (range.begin == range.end) return {};
    return {range.begin + window.range.begin, range.end + window.range.begin};
  }

  int add_entity(const Entity& entity, const Window& window) {
    for (size_t i = 0; i < stated_; ++i) {
      if (merged_.entities[i].id == entity.id) return static_cast<int>(i);
    }
    Entity copy = entity;
    for (ByteRange& mention : copy.mentions) mention = back(mention, window);
    for (size_t i = stated_; i < merged_.entities.size(); ++i) {
      if (!share_place(merged_.entities[i], copy)) continue;
      join(merged_.entities[i], copy);
      return static_cast<int>(i);
    }
    copy.id = free_id(entity.id);
    merged_.entities.push_back(std::move(copy));
    return static_cast<int>(merged_.entities.size()) - 1;
  }

  static bool share_place(const Entity& a, const Entity& b) {
    if (a.type != b.type) return false;
    if (a.mentions.empty() && b.mentions.empty()) return a.text == b.text;
    return std::any_of(a.mentions.begin(), a.mentions.end(), [&](const ByteRange& mention) {
      return std::find(b.mentions.begin(), b.mentions.end(), mention) != b.mentions.end();
    });
  }

  static void join(Entity& into, const Entity& from) {
    for (size_t i = 0; i < from.mentions.size(); ++i) {
      const ByteRange& mention = from.mentions[i];
      if (std::find(into.mentions.begin(), into.mentions.end(), mention) != into.mentions.end()) {
        continue;
      }
      into.mentions.push_back(mention);
      if (!into.names.empty()) into.names.push_back(from.names.empty() ? from.text : from.names[i]);
    }
  }

  std::string free_id(const std::string& wanted) const {
    const auto taken = [&](const std::string& id) {
      return std::any_of(merged_.entities.begin(), merged_.entities.end(),
                         [&](const Entity& entity) { return entity.id == id; });
    };
    if (!wanted.empty() && !taken(wanted)) return wanted;
    size_t number = merged_.entities.size();
    while (taken("e" + std::to_string(number))) ++number;
    return "e" + std::to_string(number);
  }

  void add_relation(Relation relation) {
    for (Relation& known : merged_.relations) {
      if (known.head != relation.head || known.tail != relation.tail ||
          known.type != relation.type) {
        continue;
      }
      if (relation.score) known.score = std::max(known.score.value_or(0.0), *relation.score);
      add_missing(known.evidence, relation.evidence);
      return;
    }
    merged_.relations.push_back(std::move(relation));
  }

  static void add_missing(std::vector<ByteRange>& into, const std::vector<ByteRange>& from) {
    for (const ByteRange& range : from) {
      if (std::find(into.begin(), into.end(), range) == into.end()) into.push_back(range);
    }
  }

  void add_event(Event event) {
    for (Event& known : merged_.events) {
      if (known.type != event.type || !(known.trigger == event.trigger)) continue;
      for (const Argument& argument : event.arguments) {
        const bool has =
            std::any_of(known.arguments.begin(), known.arguments.end(), [&](const Argument& other) {
              return other.role == argument.role && other.range == argument.range;
            });
        if (!has) known.arguments.push_back(argument);
      }
      return;
    }
    const bool taken = std::any_of(merged_.events.begin(), merged_.events.end(),
                                   [&](const Event& known) { return known.id == event.id; });
    if (taken || event.id.empty()) event.id = "ev" + std::to_string(merged_.events.size());
    while (std::any_of(merged_.events.begin(), merged_.events.end(),
                       [&](const Event& known) { return known.id == event.id; })) {
      event.id += "'";
    }
    merged_.events.push_back(std::move(event));
  }

  Document merged_;
  size_t stated_ = 0;  // entities of the document itself
};

}  // namespace

Document part_of(const Document& document, const ByteRange& range) {
  Document part;
  part.text = document.text.substr(range.begin, range.end - range.begin);
  for (const ByteRange& sentence : document.sentences) {
    const ByteRange cut{std::max(sentence.begin, range.begin), std::min(sentence.end, range.end)};
    if (cut.begin < cut.end) part.sentences.push_back(moved(cut, range.begin));
  }
  std::vector<int> index(document.entities.size(), -1);
  for (size_t i = 0; i < document.entities.size(); ++i) {
    const Entity& entity = document.entities[i];
    Entity copy;
    for (size_t k = 0; k < entity.mentions.size(); ++k) {
      if (!inside(entity.mentions[k], range)) continue;
      copy.mentions.push_back(moved(entity.mentions[k], range.begin));
      if (!entity.names.empty()) copy.names.push_back(entity.names.at(k));
    }
    if (copy.mentions.empty()) continue;
    copy.id = entity.id;
    copy.text = entity.text;
    copy.type = entity.type;
    index[i] = static_cast<int>(part.entities.size());
    part.entities.push_back(std::move(copy));
  }
  for (const Relation& relation : document.relations) {
    Relation copy = relation;
    copy.head = index.at(relation.head);
    copy.tail = index.at(relation.tail);
    if (copy.head < 0 || copy.tail < 0) continue;
    copy.evidence.clear();
    for (const ByteRange& evidence : relation.evidence) {
      if (inside(evidence, range)) copy.evidence.push_back(moved(evidence, range.begin));
    }
    part.relations.push_back(std::move(copy));
  }
  for (const Event& event : document.events) {
    if (event.trigger.begin == event.trigger.end || !inside(event.trigger, range)) continue;
    Event copy = event;
    copy.trigger = moved(event.trigger, range.begin);
    copy.arguments.clear();
    for (const Argument& argument : event.arguments) {
      if (argument.range.begin == argument.range.end || !inside(argument.range, range)) continue;
      const int entity = argument.entity < 0 ? -1 : index.at(argument.entity);
      copy.arguments.push_back({argument.role, moved(argument.range, range.begin), entity});
    }
    part.events.push_back(std::move(copy));
  }
  return part;
}

Result<std::vector<Window>> make_windows(const Document& document, const WindowOptions& options) {
  if (options.size == 0 || options.overlap >= options.size) {
    return usage_error("windows of " + std::to_string(options.size) + " units that share " +
                           std::to_string(options.overlap),
                       "the size must be positive and larger than the overlap");
  }
  const std::vector<ByteRange> units = units_of(document.text, options);
  std::vector<Piece> sentences;
  if (options.whole_sentences && units.size() > options.size) {
    sentences = sentences_in_units(
        document.text,
        document.sentences.empty() ? text::split_sentences(document.text) : document.sentences,
        units);
  }
  std::vector<Window> windows;
  for (const Piece& piece : Cutter(units.size(), std::move(sentences), options).run()) {
    Window& window = windows.emplace_back();
    window.range = {units[piece.begin].begin, units[piece.end - 1].end};
    if (units.size() <= options.size) window.range = {0, document.text.size()};
    window.document = part_of(document, window.range);
    window.document.id = document.id + "#" + std::to_string(windows.size());
  }
  return windows;
}

Result<Document> merge_windows(const Document& document, const std::vector<Window>& windows,
                               const std::vector<Document>& answers) {
  if (windows.size() != answers.size()) {
    throw std::logic_error("merge_windows(): as many answers as windows are needed");
  }
  Merger merger(document);
  for (size_t i = 0; i < windows.size(); ++i) {
    if (answers[i].text != windows[i].document.text) {
      return input_error(windows[i].document.id + ": the answer is about another text",
                         "answers must keep the text of their window");
    }
    merger.add(answers[i], windows[i]);
  }
  return merger.take();
}

}  // namespace relata::data
