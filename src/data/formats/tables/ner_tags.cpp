#include "ner_tags.h"

namespace relata::data {
namespace {

char canonical_prefix(char c) {
  switch (c) {
    case 'B':
    case 'I':
    case 'E':
    case 'S':
      return c;
    case 'M':
      return 'I';
    case 'L':
      return 'E';
    case 'U':
    case 'W':
      return 'S';
    default:
      return 0;
  }
}

class Decoder {
 public:
  explicit Decoder(TagScheme scheme) : scheme_(scheme) {}

  NerSpans run(const std::vector<NerTag>& tags) {
    for (size_t i = 0; i < tags.size(); ++i) step(tags[i], i);
    close(tags.size(), false);
    return std::move(out_);
  }

 private:
  void step(const NerTag& tag, size_t at) {
    if (tag.prefix == 'O') return close(at, false);
    if (tag.prefix == 'B' || tag.prefix == 'S') {
      close(at, false);
      open(tag, at);
    } else if (!open_ || type_ != tag.type) {
      if (scheme_ == TagScheme::kIob2 || scheme_ == TagScheme::kIobes) repair(at);
      close(at, true);
      open(tag, at);
    }
    if (tag.prefix == 'S' || tag.prefix == 'E') close(at + 1, true);
  }

  void open(const NerTag& tag, size_t at) {
    open_ = true;
    begin_ = at;
    type_ = tag.type;
  }

  void close(size_t end, bool has_end) {
    if (!open_) return;
    if (!has_end && scheme_ == TagScheme::kIobes) repair(end - 1);
    out_.spans.push_back({begin_, end, type_});
    open_ = false;
  }

  void repair(size_t at) {
    if (out_.repaired.empty() || out_.repaired.back() != at) out_.repaired.push_back(at);
  }

  TagScheme scheme_;
  NerSpans out_;
  bool open_ = false;
  size_t begin_ = 0;
  std::string_view type_;
};

}  // namespace

std::optional<NerTag> parse_ner_tag(std::string_view tag) {
  if (tag == "O") return NerTag{};
  const char prefix = tag.empty() ? 0 : canonical_prefix(tag[0]);
  if (prefix == 0) return std::nullopt;
  if (tag.size() == 1) return NerTag{prefix, ""};
  if (tag.size() < 3 || (tag[1] != '-' && tag[1] != '_')) return std::nullopt;
  return NerTag{prefix, tag.substr(2)};
}

TagScheme detect_scheme(const std::vector<std::vector<NerTag>>& sentences) {
  size_t begun_by_b = 0;
  size_t begun_by_i = 0;
  size_t ends = 0;
  for (const std::vector<NerTag>& tags : sentences) {
    char before = 'O';
    for (const NerTag& tag : tags) {
      ends += tag.prefix == 'E' || tag.prefix == 'S';
      if (before == 'O') {
        begun_by_b += tag.prefix == 'B';
        begun_by_i += tag.prefix == 'I';
      }
      before = tag.prefix;
    }
  }
  if (ends > 0) return TagScheme::kIobes;
  return begun_by_i > begun_by_b ? TagScheme::kIob1 : TagScheme::kIob2;
}

NerSpans decode_ner(const std::vector<NerTag>& tags, TagScheme scheme) {
  return Decoder(scheme).run(tags);
}

}  // namespace relata::data
