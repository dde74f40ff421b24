#include "byte_level.h"
#include "hf/hf_components.h"
#include "split_pattern.h"
#include "transform.h"
#include "unicode/unicode_forms.h"

namespace relata::text {
namespace {

class Identity : public Normalizer {
 public:
  void apply(AlignedText& /*text*/, AlignedText& /*spare*/) const override {}
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(AlignedText& text, AlignedText& spare) const override {
    if (text.empty() || prefix_.empty()) return;
    spare.clear();
    spare.append(prefix_, text.origin(0, 1));
    spare.append_slice(text, 0, text.size());
    text.swap(spare);
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(SplitPatternPtr pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(AlignedText& text, AlignedText& spare) const override {
    std::vector<ByteRange> matches;
    pattern_->find(text.text(), matches);
    if (matches.empty()) return;
    spare.clear();
    size_t begin = 0;
    for (const ByteRange& match : matches) {
      spare.append_slice(text, begin, match.begin);
      // Of a long match only the end counts as where the content comes from.
      spare.append(content_, text.origin(match.end - 1, match.end));
      begin = match.end;
    }
    spare.append_slice(text, begin, text.size());
    text.swap(spare);
  }

 private:
  SplitPatternPtr pattern_;
  std::string content_;
};

class FormNormalizer : public Normalizer {
 public:
  explicit FormNormalizer(UnicodeForm form) : form_(form) {}
  void apply(AlignedText& text, AlignedText& spare) const override {
    to_unicode_form(form_, text, spare);
  }

 private:
  UnicodeForm form_;
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(AlignedText& text, AlignedText& spare) const override {
    const std::string_view all = text.text();
    size_t begin = 0;
    size_t end = all.size();
    while (left_ && begin < end) {
      const CodePoint point = code_point_at(all, begin);
      if (!is_space(point.value)) break;
      begin += point.length;
    }
    while (right_ && end > begin) {
      const size_t last = code_point_start(all, end);
      if (!is_space(code_point_at(all, last).value)) break;
      end = last;
    }
    if (end - begin == all.size()) return;
    spare.clear();
    spare.append_slice(text, begin, end);
    text.swap(spare);
  }

 private:
  bool left_;
  bool right_;
};

class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& spare) const override {
    spare.clear();
    for (size_t i = 0; i < text.size(); ++i) {
      spare.append(byte_to_visible(static_cast<uint8_t>(text.text()[i])), text.origin(i, i + 1));
    }
    text.swap(spare);
  }
};

class Chain : public Normalizer {
 public:
  explicit Chain(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(AlignedText& text, AlignedText& spare) const override {
    for (const auto& step : steps_) step->apply(text, spare);
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

NormalizerPtr unicode_form(const std::string& type) {
  constexpr std::pair<const char*, UnicodeForm> kForms[] = {{"NFC", UnicodeForm::kNfc},
                                                            {"NFD", UnicodeForm::kNfd},
                                                            {"NFKC", UnicodeForm::kNfkc},
                                                            {"NFKD", UnicodeForm::kNfkd}};
  for (const auto& [name, form] : kForms) {
    if (type == name) return std::make_unique<FormNormalizer>(form);
  }
  return nullptr;
}

Result<NormalizerPtr> parse(const Node& node, const std::string& where, int depth);

Result<NormalizerPtr> parse_chain(const Node& node, const std::string& where, int depth) {
  if (depth >= kDepthLimit) return input_error(where + ": sequences nested too deeply");
  JsonReader reader(node, where);
  std::vector<NormalizerPtr> steps;
  for (const Node& item : reader.array("normalizers")) {
    RELATA_TRY(NormalizerPtr step,
               parse(item, where + "[" + std::to_string(steps.size()) + "]", depth + 1));
    steps.push_back(std::move(step));
  }
  RELATA_CHECK(reader.status());
  return NormalizerPtr(std::make_unique<Chain>(std::move(steps)));
}

Result<NormalizerPtr> parse(const Node& node, const std::string& where, int depth) {
  if (node.is_null()) return NormalizerPtr(std::make_unique<Identity>());
  RELATA_TRY(const std::string type, component_type(node, where));
  JsonReader reader(node, where);
  if (type == "Sequence") return parse_chain(node, where, depth);
  if (type == "Prepend") {
    std::string prefix = reader.string("prepend", "");
    RELATA_CHECK(reader.status());
    return NormalizerPtr(std::make_unique<Prepend>(std::move(prefix)));
  }
  if (type == "Replace") {
    RELATA_TRY(SplitPatternPtr pattern, parse_pattern(node, where));
    std::string content = reader.string("content", "");
    RELATA_CHECK(reader.status());
    return NormalizerPtr(std::make_unique<Replace>(std::move(pattern), std::move(content)));
  }
  if (type == "Strip") {
    const bool left = reader.boolean("strip_left", true);
    const bool right = reader.boolean("strip_right", true);
    RELATA_CHECK(reader.status());
    return NormalizerPtr(std::make_unique<Strip>(left, right));
  }
  if (type == "ByteLevel") return NormalizerPtr(std::make_unique<ByteLevelNormalizer>());
  if (NormalizerPtr form = unicode_form(type)) return form;
  RELATA_TRY(NormalizerPtr rules, parse_rule_normalizer(type, node, where));
  if (rules != nullptr) return rules;
  return unsupported_component(where, type);
}

}  // namespace

Result<NormalizerPtr> parse_normalizer(const Node& node, const std::string& where) {
  return parse(node, where, 0);
}

Result<std::string> component_type(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  std::string type = reader.string("type", "");
  if (type.empty()) reader.fail("\"type\" is missing");
  RELATA_CHECK(reader.status());
  return type;
}

Error unsupported_component(const std::string& where, const std::string& type) {
  return input_error(where + ": unsupported kind \"" + type + "\"",
                     "docs/tokenizers.md lists the kinds that relata reads");
}

}  // namespace relata::text
