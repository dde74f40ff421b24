#include <algorithm>

#include "byte_level.h"
#include "hf/hf_components.h"
#include "split_pattern.h"
#include "splitting.h"

namespace relata::text {
namespace {

class WholeText : public PreTokenizer {
 public:
  void apply(PieceBuffers& /*buffers*/) const override {}
};

class Split : public PreTokenizer {
 public:
  Split(SplitPatternPtr pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(PieceBuffers& buffers) const override {
    split_pieces(buffers, behavior_, invert_,
                 [this](std::string_view text, std::vector<ByteRange>& matches) {
                   pattern_->find(text, matches);
                 });
  }

 private:
  SplitPatternPtr pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

// Writes every piece anew: write(piece, its text) appends to buffers.spare_text.
template <class Write>
void rewrite_pieces(PieceBuffers& buffers, Write write) {
  buffers.spare_text.clear();
  const std::string_view text = buffers.text.text();
  for (Piece& piece : buffers.pieces) {
    const size_t begin = buffers.spare_text.size();
    write(piece, text.substr(piece.begin, piece.end - piece.begin));
    piece.begin = begin;
    piece.end = buffers.spare_text.size();
  }
  buffers.text.swap(buffers.spare_text);
}

enum class PrependScheme { kNever, kFirst, kAlways };

class Metaspace : public PreTokenizer {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)),
        pattern_(literal_pattern(replacement_)),
        scheme_(scheme),
        split_(split) {}

  void apply(PieceBuffers& buffers) const override {
    rewrite_pieces(buffers, [&](const Piece& piece, std::string_view text) {
      AlignedText& out = buffers.spare_text;
      if (wants_prefix(piece, text)) {
        out.append(replacement_, buffers.text.origin(piece.begin, piece.begin + 1));
      }
      size_t begin = piece.begin;
      for (size_t i = text.find(' '); i != std::string_view::npos; i = text.find(' ', i + 1)) {
        const size_t at = piece.begin + i;
        out.append_slice(buffers.text, begin, at);
        out.append(replacement_, buffers.text.origin(at, at + 1));
        begin = at + 1;
      }
      out.append_slice(buffers.text, begin, piece.end);
    });
    if (!split_) return;
    split_pieces(buffers, SplitBehavior::kMergedWithNext, false,
                 [this](std::string_view text, std::vector<ByteRange>& matches) {
                   pattern_->find(text, matches);
                 });
  }

 private:
  bool wants_prefix(const Piece& piece, std::string_view text) const {
    if (text.empty() || text.starts_with(' ') || text.starts_with(replacement_)) return false;
    if (scheme_ == PrependScheme::kFirst) return piece.source == 0;
    return scheme_ == PrependScheme::kAlways;
  }

  std::string replacement_;
  SplitPatternPtr pattern_;
  PrependScheme scheme_;
  bool split_;
};

class ByteLevel : public PreTokenizer {
 public:
  // `pattern` null: no split. `visible`: bytes become the code points that stand for them.
  ByteLevel(bool prefix_space, SplitPatternPtr pattern, bool visible)
      : prefix_space_(prefix_space), pattern_(std::move(pattern)), visible_(visible) {}

  void apply(PieceBuffers& buffers) const override {
    if (prefix_space_ && wants_prefix(buffers)) add_prefix(buffers);
    if (pattern_ != nullptr) {
      split_pieces(buffers, SplitBehavior::kIsolated, false,
                   [this](std::string_view text, std::vector<ByteRange>& matches) {
                     pattern_->find(text, matches);
                   });
    }
    if (visible_) make_visible(buffers);
  }

 private:
  static bool needs_space(std::string_view text) { return !text.empty() && text.front() != ' '; }
  static bool wants_prefix(const PieceBuffers& buffers) {
    const std::string_view text = buffers.text.text();
    return std::any_of(buffers.pieces.begin(), buffers.pieces.end(), [&](const Piece& piece) {
      return needs_space(text.substr(piece.begin, piece.end - piece.begin));
    });
  }
  static void add_prefix(PieceBuffers& buffers) {
    rewrite_pieces(buffers, [&](const Piece& piece, std::string_view text) {
      if (needs_space(text)) {
        buffers.spare_text.append(" ", buffers.text.origin(piece.begin, piece.begin + 1));
      }
      buffers.spare_text.append_slice(buffers.text, piece.begin, piece.end);
    });
  }
  static void make_visible(PieceBuffers& buffers) {
    rewrite_pieces(buffers, [&](const Piece& piece, std::string_view text) {
      for (size_t i = 0; i < text.size(); ++i) {
        const size_t at = piece.begin + i;
        buffers.spare_text.append(byte_to_visible(static_cast<uint8_t>(text[i])),
                                  buffers.text.origin(at, at + 1));
      }
    });
  }

  bool prefix_space_;
  SplitPatternPtr pattern_;
  bool visible_;
};

class Chain : public PreTokenizer {
 public:
  explicit Chain(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(PieceBuffers& buffers) const override {
    for (const auto& step : steps_) step->apply(buffers);
  }

 private:
  std::vector<PreTokenizerPtr> steps_;
};

Result<PreTokenizerPtr> parse_metaspace(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const std::string replacement = reader.string("replacement", "\u2581");
  // Files from before "prepend_scheme" say "add_prefix_space".
  const bool prefix = reader.boolean("add_prefix_space", true);
  const std::string scheme = reader.string("prepend_scheme", prefix ? "always" : "never");
  const bool split = reader.boolean("split", true);
  if (replacement.empty()) reader.fail("\"replacement\" is empty");
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    reader.fail("unknown prepend_scheme \"" + scheme + "\"");
  }
  RELATA_CHECK(reader.status());
  const PrependScheme value = scheme == "always"  ? PrependScheme::kAlways
                              : scheme == "first" ? PrependScheme::kFirst
                                                  : PrependScheme::kNever;
  return PreTokenizerPtr(std::make_unique<Metaspace>(replacement, value, split));
}

Result<PreTokenizerPtr> parse_byte_level(const Node& node, bool visible, const std::string& where) {
  JsonReader reader(node, where);
  const bool prefix_space = reader.boolean("add_prefix_space", true);
  const bool use_regex = reader.boolean("use_regex", true);
  RELATA_CHECK(reader.status());
  SplitPatternPtr pattern = use_regex ? scanner_for(kGpt2Pattern) : nullptr;
  return PreTokenizerPtr(std::make_unique<ByteLevel>(prefix_space, std::move(pattern), visible));
}

Result<SplitBehavior> parse_behavior(const std::string& name, const std::string& where) {
  // Both spellings occur: that of the files, and that of the Python interface.
  constexpr std::pair<const char*, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous}};
  for (const auto& [known, behavior] : kNames) {
    if (name == known) return behavior;
  }
  return unsupported_component(where + ".behavior", name);
}

Result<PreTokenizerPtr> parse_split(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const std::string name = reader.string("behavior", "");
  const bool invert = reader.boolean("invert", false);
  RELATA_CHECK(reader.status());
  RELATA_TRY(const SplitBehavior behavior, parse_behavior(name, where));
  RELATA_TRY(SplitPatternPtr pattern, parse_pattern(node, where));
  return PreTokenizerPtr(std::make_unique<Split>(std::move(pattern), behavior, invert));
}

Result<PreTokenizerPtr> parse_delimiter(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  std::string delimiter = reader.string("delimiter", "");
  if (delimiter.empty()) reader.fail("\"delimiter\" is missing");
  RELATA_CHECK(reader.status());
  return PreTokenizerPtr(std::make_unique<Split>(literal_pattern(std::move(delimiter)),
                                                 SplitBehavior::kRemoved, false));
}

Result<PreTokenizerPtr> parse_punctuation(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const std::string name = reader.string("behavior", "Isolated");
  RELATA_CHECK(reader.status());
  RELATA_TRY(const SplitBehavior behavior, parse_behavior(name, where));
  return PreTokenizerPtr(std::make_unique<Split>(punctuation_pattern(), behavior, false));
}

Result<PreTokenizerPtr> parse_digits(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const bool individual = reader.boolean("individual_digits", false);
  RELATA_CHECK(reader.status());
  const auto behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
  return PreTokenizerPtr(std::make_unique<Split>(digit_pattern(), behavior, false));
}

PreTokenizerPtr bert() {
  std::vector<PreTokenizerPtr> steps;
  steps.push_back(std::make_unique<Split>(space_pattern(), SplitBehavior::kRemoved, false));
  steps.push_back(std::make_unique<Split>(punctuation_pattern(), SplitBehavior::kIsolated, false));
  return std::make_unique<Chain>(std::move(steps));
}

struct Place {
  std::string where;
  int depth = 0;
  bool visible = true;  // a ByteLevel here writes visible code points
};

Result<PreTokenizerPtr> parse(const Node& node, const Place& place);

Result<PreTokenizerPtr> parse_chain(const Node& node, const Place& place) {
  if (place.depth >= kDepthLimit) {
    return input_error(place.where + ": sequences nested too deeply");
  }
  JsonReader reader(node, place.where);
  const Node& items = reader.array("pretokenizers");
  std::vector<PreTokenizerPtr> steps;
  for (const Node& item : items) {
    Place inner = {place.where + "[" + std::to_string(steps.size()) + "]", place.depth + 1, true};
    if (steps.size() + 1 == items.size()) inner.visible = place.visible;
    RELATA_TRY(PreTokenizerPtr step, parse(item, inner));
    steps.push_back(std::move(step));
  }
  RELATA_CHECK(reader.status());
  return PreTokenizerPtr(std::make_unique<Chain>(std::move(steps)));
}

Result<PreTokenizerPtr> parse(const Node& node, const Place& place) {
  if (node.is_null()) return PreTokenizerPtr(std::make_unique<WholeText>());
  RELATA_TRY(const std::string type, component_type(node, place.where));
  if (type == "Sequence") return parse_chain(node, place);
  if (type == "Metaspace") return parse_metaspace(node, place.where);
  if (type == "ByteLevel") return parse_byte_level(node, place.visible, place.where);
  if (type == "Split") return parse_split(node, place.where);
  if (type == "CharDelimiterSplit") return parse_delimiter(node, place.where);
  if (type == "Punctuation") return parse_punctuation(node, place.where);
  if (type == "Digits") return parse_digits(node, place.where);
  if (type == "BertPreTokenizer") return bert();
  if (type == "WhitespaceSplit") {
    return PreTokenizerPtr(
        std::make_unique<Split>(space_pattern(), SplitBehavior::kRemoved, false));
  }
  if (type == "Whitespace") {
    return PreTokenizerPtr(std::make_unique<Split>(word_pattern(), SplitBehavior::kRemoved, true));
  }
  return unsupported_component(place.where, type);
}

}  // namespace

Result<PreTokenizerPtr> parse_pre_tokenizer(const Node& node, bool raw_bytes,
                                            const std::string& where) {
  return parse(node, {where, 0, !raw_bytes});
}

bool ends_in_byte_level(const Node& node) {
  const Node* last = &node;
  for (int depth = 0; depth <= kDepthLimit && last->is_object(); ++depth) {
    const auto type = last->find("type");
    if (type == last->end() || !type->is_string()) return false;
    if (*type == "ByteLevel") return true;
    const auto items = last->find("pretokenizers");
    if (items == last->end() || !items->is_array() || items->empty()) return false;
    last = &items->back();
  }
  return false;
}

}  // namespace relata::text
