#include <algorithm>

#include "byte_level.h"
#include "hf/hf_components.h"
#include "hf/models/vocabulary.h"
#include "split_pattern.h"

namespace relata::text {
namespace {

constexpr char kReplacement[] = "\uFFFD";
constexpr int64_t kStripLimit = 1'000'000;

using Tokens = std::vector<std::string>;

// What Hugging Face does without a decoder.
class JoinWithSpaces : public Decoder {
 public:
  Tokens apply(Tokens tokens) const override {
    for (size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, 1, ' ');
    return tokens;
  }
  std::string spell(std::string token) const override { return ' ' + token; }
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(SplitPatternPtr pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Tokens apply(Tokens tokens) const override {
    for (auto& token : tokens) token = replace(token);
    return tokens;
  }
  std::string spell(std::string token) const override { return replace(token); }

 private:
  std::string replace(std::string_view token) const {
    std::vector<ByteRange> matches;
    pattern_->find(token, matches);
    std::string out;
    size_t begin = 0;
    for (const ByteRange& match : matches) {
      out += token.substr(begin, match.begin - begin);
      out += content_;
      begin = match.end;
    }
    out += token.substr(begin);
    return out;
  }

  SplitPatternPtr pattern_;
  std::string content_;
};

class ByteFallback : public Decoder {
 public:
  Tokens apply(Tokens tokens) const override {
    Tokens out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (!find_invalid_utf8(bytes)) {
        out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), kReplacement);
      }
      bytes.clear();
    };
    for (auto& token : tokens) {
      if (const int byte = token_byte(token); byte >= 0) {
        bytes += static_cast<char>(byte);
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    return out;
  }
  std::string spell(std::string token) const override {
    const int byte = token_byte(token);
    return byte < 0 ? token : std::string(1, static_cast<char>(byte));
  }
};

std::string join(const Tokens& tokens) {
  std::string out;
  for (const auto& token : tokens) out += token;
  return out;
}

class Fuse : public Decoder {
 public:
  Tokens apply(Tokens tokens) const override { return {join(tokens)}; }
  std::string spell(std::string token) const override { return token; }
  bool joins() const override { return true; }
};

class Strip : public Decoder {
 public:
  Strip(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  Tokens apply(Tokens tokens) const override {
    for (auto& token : tokens) token = spell(std::move(token));
    return tokens;
  }
  std::string spell(std::string token) const override {
    for (size_t i = 0; i < start_ && token.starts_with(content_); ++i) {
      token.erase(0, content_.size());
    }
    for (size_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
      token.erase(token.size() - content_.size());
    }
    return token;
  }

 private:
  std::string content_;
  size_t start_;
  size_t stop_;
};

// Not again in what was put there.
void replace_all(std::string& text, std::string_view old, std::string_view content) {
  for (size_t at = text.find(old); at != std::string::npos; at = text.find(old, at)) {
    text.replace(at, old.size(), content);
    at += content.size();
  }
}

class MetaspaceDecoder : public Decoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prefixed)
      : replacement_(std::move(replacement)), prefixed_(prefixed) {}
  Tokens apply(Tokens tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], replacement_, i == 0 && prefixed_ ? "" : " ");
    }
    return tokens;
  }
  std::string spell(std::string token) const override {
    replace_all(token, replacement_, " ");
    return token;
  }

 private:
  std::string replacement_;
  bool prefixed_;
};

class ByteLevelDecoder : public Decoder {
 public:
  Tokens apply(Tokens tokens) const override {
    std::string bytes;
    for (const auto& token : tokens) bytes += to_bytes(token);
    return {replace_invalid_utf8(bytes)};
  }
  std::string spell(std::string token) const override { return to_bytes(token); }
  bool joins() const override { return true; }

 private:
  // An added token is not written in stand-ins and stays as it is.
  static std::string to_bytes(const std::string& token) {
    std::string bytes;
    for (const char32_t point : to_code_points(token)) {
      const auto byte = visible_to_byte(point);
      if (!byte) return token;
      bytes += static_cast<char>(*byte);
    }
    return bytes;
  }
};

class WordPieceDecoder : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  Tokens apply(Tokens tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && tokens[i].starts_with(prefix_)) {
        tokens[i].erase(0, prefix_.size());
      } else if (i > 0) {
        tokens[i].insert(0, 1, ' ');
      }
      if (cleanup_) clean_up(tokens[i]);
    }
    return tokens;
  }
  std::string spell(std::string token) const override {
    return token.starts_with(prefix_) ? token.substr(prefix_.size()) : ' ' + token;
  }

 private:
  // English punctuation and contractions lose the space before them.
  static void clean_up(std::string& token) {
    constexpr std::pair<const char*, const char*> kRules[] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [old, content] : kRules) replace_all(token, old, content);
  }

  std::string prefix_;
  bool cleanup_;
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  Tokens apply(Tokens tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], suffix_, i + 1 < tokens.size() ? " " : "");
    }
    return tokens;
  }
  std::string spell(std::string token) const override {
    replace_all(token, suffix_, " ");
    return token;
  }

 private:
  std::string suffix_;
};

class Chain : public Decoder {
 public:
  explicit Chain(std::vector<DecoderPtr> steps) : steps_(std::move(steps)) {}
  Tokens apply(Tokens tokens) const override {
    for (const auto& step : steps_) tokens = step->apply(std::move(tokens));
    return tokens;
  }
  std::string spell(std::string token) const override {
    for (const auto& step : steps_) {
      token = step->spell(std::move(token));
      // Half a code point is no text for the steps that follow.
      if (step->joins() || find_invalid_utf8(token)) break;
    }
    return token;
  }
  bool joins() const override {
    return std::any_of(steps_.begin(), steps_.end(),
                       [](const auto& step) { return step->joins(); });
  }

 private:
  std::vector<DecoderPtr> steps_;
};

Result<DecoderPtr> parse_replace(const Node& node, const std::string& where) {
  RELATA_TRY(SplitPatternPtr pattern, parse_pattern(node, where));
  JsonReader reader(node, where);
  std::string content = reader.string("content", "");
  RELATA_CHECK(reader.status());
  return DecoderPtr(std::make_unique<ReplaceDecoder>(std::move(pattern), std::move(content)));
}

Result<DecoderPtr> parse_strip(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  std::string content = reader.string("content", "");
  const int64_t start = reader.integer("start", 0);
  const int64_t stop = reader.integer("stop", 0);
  if (content.empty()) reader.fail("\"content\" is missing");
  if (start < 0 || start > kStripLimit || stop < 0 || stop > kStripLimit) {
    reader.fail("\"start\" or \"stop\" is out of range");
  }
  RELATA_CHECK(reader.status());
  return DecoderPtr(std::make_unique<Strip>(std::move(content), static_cast<size_t>(start),
                                            static_cast<size_t>(stop)));
}

Result<DecoderPtr> parse_metaspace(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  std::string replacement = reader.string("replacement", "\u2581");
  const bool prefix = reader.boolean("add_prefix_space", true);
  const std::string scheme = reader.string("prepend_scheme", prefix ? "always" : "never");
  if (replacement.empty()) reader.fail("\"replacement\" is empty");
  RELATA_CHECK(reader.status());
  return DecoderPtr(std::make_unique<MetaspaceDecoder>(std::move(replacement), scheme != "never"));
}

Result<DecoderPtr> parse_word_piece(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  std::string prefix = reader.string("prefix", "##");
  const bool cleanup = reader.boolean("cleanup", true);
  if (prefix.empty()) reader.fail("\"prefix\" is empty");
  RELATA_CHECK(reader.status());
  return DecoderPtr(std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup));
}

Result<DecoderPtr> parse_bpe(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  std::string suffix = reader.string("suffix", "</w>");
  if (suffix.empty()) reader.fail("\"suffix\" is empty");
  RELATA_CHECK(reader.status());
  return DecoderPtr(std::make_unique<BpeDecoder>(std::move(suffix)));
}

Result<DecoderPtr> parse(const Node& node, const std::string& where, int depth);

Result<DecoderPtr> parse_chain(const Node& node, const std::string& where, int depth) {
  if (depth >= kDepthLimit) return input_error(where + ": sequences nested too deeply");
  JsonReader reader(node, where);
  std::vector<DecoderPtr> steps;
  for (const Node& item : reader.array("decoders")) {
    RELATA_TRY(DecoderPtr step,
               parse(item, where + "[" + std::to_string(steps.size()) + "]", depth + 1));
    steps.push_back(std::move(step));
  }
  RELATA_CHECK(reader.status());
  return DecoderPtr(std::make_unique<Chain>(std::move(steps)));
}

Result<DecoderPtr> parse(const Node& node, const std::string& where, int depth) {
  if (node.is_null()) return DecoderPtr(std::make_unique<JoinWithSpaces>());
  RELATA_TRY(const std::string type, component_type(node, where));
  if (type == "Sequence") return parse_chain(node, where, depth);
  if (type == "Replace") return parse_replace(node, where);
  if (type == "ByteFallback") return DecoderPtr(std::make_unique<ByteFallback>());
  if (type == "Fuse") return DecoderPtr(std::make_unique<Fuse>());
  if (type == "Strip") return parse_strip(node, where);
  if (type == "Metaspace") return parse_metaspace(node, where);
  if (type == "WordPiece") return parse_word_piece(node, where);
  if (type == "BPEDecoder") return parse_bpe(node, where);
  if (type == "ByteLevel") return DecoderPtr(std::make_unique<ByteLevelDecoder>());
  return unsupported_component(where, type);
}

}  // namespace

Result<DecoderPtr> parse_decoder(const Node& node, const std::string& where) {
  return parse(node, where, 0);
}

}  // namespace relata::text
