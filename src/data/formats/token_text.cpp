#include "token_text.h"

#include <algorithm>

namespace relata::data {
namespace {

// The first byte of most CJK characters (U+3000 to U+9FFF) and of full-width forms.
bool begins_cjk(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0xE3 && byte <= 0xE9) || byte == 0xEF;
}

// Whether cut_tokens() makes several tokens, or none, of this one.
bool cut_tokens_would_cut(std::string_view token) {
  constexpr size_t kCjkBytes = 3;
  for (const char c : token) {
    if (c > ' ' && c < '\x7F') continue;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') return true;
    if (begins_cjk(c) && token.size() > kCjkBytes) return true;
  }
  return false;
}

// Where the tokens listed in meta "tokens" stand; empty if they do not make up the text.
std::vector<ByteRange> noted_tokens(const Document& document) {
  if (!document.meta.is_object()) return {};
  const auto found = document.meta.find("tokens");
  if (found == document.meta.end() || !found->is_array()) return {};
  const std::string_view text = document.text;
  std::vector<ByteRange> tokens;
  size_t at = 0;
  for (const Json& item : *found) {
    if (!item.is_string()) return {};
    const auto& token = item.get_ref<const std::string&>();
    const bool spaced = !tokens.empty() && text.substr(at, 1) == " ";
    if (spaced && text.substr(at + 1, token.size()) == token) {
      ++at;
    } else if (text.substr(at, token.size()) != token) {
      return {};
    }
    tokens.push_back({at, at + token.size()});
    at += token.size();
  }
  return at == text.size() ? tokens : std::vector<ByteRange>();
}

// Every place where a token must begin or end.
std::vector<size_t> required_cuts(const Document& document) {
  std::vector<size_t> cuts;
  const auto cut = [&](const ByteRange& range) {
    cuts.push_back(range.begin);
    cuts.push_back(range.end);
  };
  for (const Entity& entity : document.entities) {
    for (const ByteRange& mention : entity.mentions) cut(mention);
  }
  for (const ByteRange& sentence : document.sentences) cut(sentence);
  for (const Event& event : document.events) {
    cut(event.trigger);
    for (const Argument& argument : event.arguments) cut(argument.range);
  }
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

std::vector<ByteRange> cut_tokens(const Document& document) {
  const std::string& text = document.text;
  const std::vector<size_t> cuts = required_cuts(document);
  auto cut = cuts.begin();
  std::vector<ByteRange> tokens;
  size_t begin = 0;
  const auto close = [&](size_t end) {
    if (end > begin) tokens.push_back({begin, end});
    begin = end;
  };
  for (size_t at = 0; at < text.size();) {
    while (cut != cuts.end() && *cut < at) ++cut;
    if (cut != cuts.end() && *cut == at) close(at);
    const size_t next = at + text::code_point_length(text, at);
    if (std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos) {
      close(at);
      begin = next;
    } else if (begins_cjk(text[at])) {
      close(at);
      close(next);
    }
    at = next;
  }
  close(text.size());
  return tokens;
}

}  // namespace

void TokenText::add(std::string_view token) {
  if (!ranges_.empty()) {
    if (tight_) {
      splits_back_ = false;
    } else {
      text_.push_back(' ');
    }
  }
  if (splits_back_) splits_back_ = !token.empty() && !cut_tokens_would_cut(token);
  const size_t begin = text_.size();
  text_ += token;
  ranges_.push_back({begin, text_.size()});
}

std::optional<ByteRange> TokenText::range(size_t begin, size_t end) const {
  if (begin >= end || end > ranges_.size()) return std::nullopt;
  const ByteRange range{ranges_[begin].begin, ranges_[end - 1].end};
  if (range.begin >= range.end) return std::nullopt;
  return range;
}

void TokenText::hand_over(Document& document) {
  if (!splits_back_) {
    Json list = Json::array();
    for (const ByteRange& range : ranges_) {
      list.push_back(text_.substr(range.begin, range.end - range.begin));
    }
    document.meta["tokens"] = std::move(list);
  }
  document.text = std::move(text_);
}

bool are_tight(JsonView tokens) {
  size_t cjk = 0;
  for (const JsonView token : tokens) {
    cjk += token.is_string() && !token.string().empty() && begins_cjk(token.string().front());
  }
  return cjk * 2 > tokens.size();
}

Status read_tokens(const JsonRecord& record, JsonView tokens, TokenText& text) {
  for (const JsonView token : tokens) {
    if (!token.is_string()) return record.fail(token, "is not text, as a token must be");
    text.add(token.string());
  }
  return {};
}

std::optional<std::pair<size_t, size_t>> TokenizedText::find(ByteRange range) const {
  const auto first =
      std::lower_bound(tokens.begin(), tokens.end(), range.begin,
                       [](const ByteRange& token, size_t begin) { return token.begin < begin; });
  const auto last =
      std::lower_bound(first, tokens.end(), range.end,
                       [](const ByteRange& token, size_t end) { return token.end < end; });
  if (last == tokens.end() || first->begin != range.begin || last->end != range.end) {
    return std::nullopt;
  }
  return std::pair<size_t, size_t>(first - tokens.begin(), last - tokens.begin() + 1);
}

size_t TokenizedText::sentence_of(size_t token) const {
  return static_cast<size_t>(std::upper_bound(sentences.begin(), sentences.end() - 1, token) -
                             sentences.begin()) -
         1;
}

TokenizedText tokenize(const Document& document, Losses& losses) {
  TokenizedText text;
  text.tokens = noted_tokens(document);
  if (text.tokens.empty()) {
    text.tokens = cut_tokens(document);
    std::string joined;
    joined.reserve(document.text.size());
    for (const ByteRange& token : text.tokens) {
      if (!joined.empty()) joined.push_back(' ');
      joined.append(document.text, token.begin, token.end - token.begin);
    }
    losses["texts whose spaces changed, being cut into tokens"] += joined != document.text;
  }
  text.sentences.push_back(0);
  for (const ByteRange& sentence : document.sentences) {
    const size_t first = static_cast<size_t>(
        std::lower_bound(text.tokens.begin(), text.tokens.end(), sentence.begin,
                         [](const ByteRange& token, size_t at) { return token.begin < at; }) -
        text.tokens.begin());
    if (first > text.sentences.back() && first < text.tokens.size()) {
      text.sentences.push_back(first);
    }
  }
  text.sentences.push_back(text.tokens.size());
  return text;
}

std::string dump_records(const Json& list) {
  std::string out = "[";
  for (const Json& item : list) {
    out += out.size() == 1 ? "\n" : ",\n";
    out += item.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return out + "\n]\n";
}

Json token_list(const Document& document, const TokenizedText& text, size_t begin, size_t end) {
  Json list = Json::array();
  for (size_t i = begin; i < end; ++i) {
    const ByteRange& token = text.tokens[i];
    list.push_back(document.text.substr(token.begin, token.end - token.begin));
  }
  return list;
}

}  // namespace relata::data
