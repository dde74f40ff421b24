// Texts that come as lists of tokens: joined on the way in, cut again on the way out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json_records.h"
#include "registry.h"
#include "relata/data/document.h"

namespace relata::data {

// Tokens joined with single spaces, or with nothing between where the script writes none.
class TokenText {
 public:
  explicit TokenText(bool tight = false) : tight_(tight) {}
  void add(std::string_view token);

  size_t size() const { return ranges_.size(); }  // tokens
  ByteRange token(size_t index) const { return ranges_.at(index); }
  // From the first token to before the last; none if that is no range of tokens or covers nothing.
  std::optional<ByteRange> range(size_t begin, size_t end) const;
  const std::string& text() const { return text_; }
  // Moves the text to the document. Where splitting it at single spaces would not give the tokens
  // back, meta "tokens" lists them.
  void hand_over(Document& document);

 private:
  bool tight_;
  bool splits_back_ = true;
  std::string text_;
  std::vector<ByteRange> ranges_;
};

// Whether most tokens are of a script that writes no spaces between words (Chinese, Japanese).
bool are_tight(JsonView tokens);
// Appends a list of strings.
Status read_tokens(const JsonRecord& record, JsonView tokens, TokenText& text);

// A document's tokens for formats that want them.
struct TokenizedText {
  std::vector<ByteRange> tokens;
  std::vector<size_t> sentences;  // index of the first token of each, then tokens.size()

  // The tokens that `range` covers, as [first, behind the last); none if it does not end at theirs.
  std::optional<std::pair<size_t, size_t>> find(ByteRange range) const;
  size_t sentence_of(size_t token) const;
};

// The tokens a reader noted; else words, single characters where the script writes no spaces, cut
// also at the ends of mentions, sentences and triggers. A document without stated sentences is one.
// Counts what joining the tokens with spaces would change.
TokenizedText tokenize(const Document& document, Losses& losses);

// A list of records, one a line.
std::string dump_records(const Json& list);

// The strings of the tokens [begin, end).
Json token_list(const Document& document, const TokenizedText& text, size_t begin, size_t end);

}  // namespace relata::data
