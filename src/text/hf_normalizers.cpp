#include <unicode/bytestream.h>
#include <unicode/edits.h>
#include <unicode/normalizer2.h>

#include <stdexcept>

#include "hf_components.h"

namespace relata::text {
namespace {

class Identity : public Normalizer {
 public:
  AlignedText apply(AlignedText text) const override { return text; }
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  AlignedText apply(AlignedText text) const override {
    if (!text.empty()) text.prepend(prefix_);
    return text;
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  AlignedText apply(AlignedText text) const override {
    AlignedText out;
    size_t begin = 0;
    for (size_t at = text.text().find(pattern_); at != std::string::npos;
         at = text.text().find(pattern_, begin)) {
      out.append_slice(text, begin, at);
      begin = at + pattern_.size();
      out.append(content_, text.origin(at, begin));
    }
    out.append_slice(text, begin, text.size());
    return out;
  }

 private:
  std::string pattern_;
  std::string content_;
};

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(const icu::Normalizer2& form) : form_(form) {}
  AlignedText apply(AlignedText text) const override {
    std::string normalized;
    icu::StringByteSink<std::string> sink(&normalized);
    icu::Edits edits;
    UErrorCode code = U_ZERO_ERROR;
    form_.normalizeUTF8(0, text.text(), sink, &edits, code);
    if (U_FAILURE(code)) throw std::runtime_error(std::string("ICU: ") + u_errorName(code));
    AlignedText out;
    for (auto edit = edits.getFineIterator(); edit.next(code);) {
      const auto begin = static_cast<size_t>(edit.sourceIndex());
      const size_t end = begin + static_cast<size_t>(edit.oldLength());
      if (edit.hasChange()) {
        out.append(std::string_view(normalized)
                       .substr(static_cast<size_t>(edit.destinationIndex()),
                               static_cast<size_t>(edit.newLength())),
                   text.origin(begin, end));
      } else {
        out.append_slice(text, begin, end);
      }
    }
    return out;
  }

 private:
  const icu::Normalizer2& form_;  // owned by ICU
};

class Chain : public Normalizer {
 public:
  explicit Chain(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}
  AlignedText apply(AlignedText text) const override {
    for (const auto& step : steps_) text = step->apply(std::move(text));
    return text;
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

const icu::Normalizer2* unicode_form(const std::string& type) {
  UErrorCode code = U_ZERO_ERROR;
  if (type == "NFC") return icu::Normalizer2::getNFCInstance(code);
  if (type == "NFD") return icu::Normalizer2::getNFDInstance(code);
  if (type == "NFKC") return icu::Normalizer2::getNFKCInstance(code);
  if (type == "NFKD") return icu::Normalizer2::getNFKDInstance(code);
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
    RELATA_TRY(std::string pattern, literal_pattern(node, where));
    std::string content = reader.string("content", "");
    RELATA_CHECK(reader.status());
    return NormalizerPtr(std::make_unique<Replace>(std::move(pattern), std::move(content)));
  }
  if (const icu::Normalizer2* form = unicode_form(type)) {
    return NormalizerPtr(std::make_unique<UnicodeForm>(*form));
  }
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
                     "relata reads byte-pair tokenizers as Llama, Mistral and Qwen write them, and "
                     "SentencePiece's tokenizer.model");
}

Result<std::string> literal_pattern(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const Node& pattern = reader.object("pattern");
  RELATA_CHECK(reader.status());
  if (pattern.contains("Regex")) return input_error(where + ": unsupported \"Regex\" pattern");
  JsonReader inner(pattern, where + ".pattern");
  std::string text = inner.string("String", "");
  if (text.empty()) inner.fail("\"String\" is missing or empty");
  RELATA_CHECK(inner.status());
  return text;
}

}  // namespace relata::text
