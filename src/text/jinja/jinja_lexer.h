// Jinja source to tokens, with whitespace control done: trim_blocks and lstrip_blocks are on, as
// Transformers sets them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jinja_value.h"

namespace relata::text::jinja {

enum class TokenKind {
  kData,
  kBlockBegin,
  kBlockEnd,
  kPrintBegin,
  kPrintEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t at = 0;     // byte offset in the source
  std::string text;  // of a string, what it stands for
  int64_t integer = 0;
  double number = 0.0;
};

// A Failure with its place in the source.
class SyntaxFailure : public Failure {
 public:
  SyntaxFailure(size_t at, const std::string& message, const std::string& hint = "")
      : Failure(message, hint), at_(at) {}
  size_t at() const { return at_; }

 private:
  size_t at_;
};

// CRLF and CR become LF, and one newline at the end goes. Positions count in this text.
std::string normalize_source(std::string_view source);

// The tokens, kEnd last. Throws SyntaxFailure. `source` is valid UTF-8.
std::vector<Token> tokenize(std::string_view source);

}  // namespace relata::text::jinja
