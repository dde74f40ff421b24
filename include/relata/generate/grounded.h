// Answers that are a list of items over given names and over the text of a document: every answer
// that a walk lets through parses, and every span is a substring of the document.
//
// legend: V tokens of the vocabulary; n bytes of the document.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/generate/constraint.h"
#include "relata/text/tokenizer.h"

namespace relata::generate {

// A part of an item.
struct AnswerField {
  enum class Kind {
    Literal,  // exactly `text`
    Choice,   // one of `choices`
    Span,     // a substring of the document
  };
  Kind kind = Kind::Literal;
  std::string text;
  std::vector<std::string> choices;  // distinct, none empty
};

// answer := nothing | item (separator item)*, then EOS. Items are distinct where that is possible.
struct AnswerShape {
  std::vector<AnswerField> item;
  std::string separator = "\n";
  std::string nothing = "none";  // "": an answer has at least one item
  int max_items = 0;             // 0: any number
  bool distinct = true;
};

// The spans of one document: a suffix automaton over its bytes. Cost: O(n) time and memory.
class SpanSource {
 public:
  struct Options {
    // Spans begin and end at word boundaries (ICU's, as text/sentences.h has them); where words
    // are not written apart (Chinese), at code points.
    bool whole_words = true;
    int max_bytes = 200;
  };
  virtual ~SpanSource() = default;
};
Result<std::shared_ptr<const SpanSource>> make_span_source(std::string_view document,
                                                           const SpanSource::Options& options);

// Compiles shapes for one tokenizer. Immutable; thread-safe. Cost: one pass over the vocabulary.
class AnswerCompiler {
 public:
  virtual ~AnswerCompiler() = default;
  // `spans` may be null where no field is a Span. Errors: a shape without items, a choice, literal
  // or separator that no token sequence spells (named).
  virtual Result<std::shared_ptr<const Constraint>> compile(
      const AnswerShape& shape, std::shared_ptr<const SpanSource> spans) const = 0;
};
Result<std::shared_ptr<const AnswerCompiler>> make_answer_compiler(
    std::shared_ptr<const text::Tokenizer> tokenizer, int32_t eos = -1);

// The items of an answer's text, each with its fields that are not literals, in order; duplicates
// are dropped. `nothing` and "" give none. Errors: a text that the shape does not produce.
Result<std::vector<std::vector<std::string>>> parse_answer_items(const AnswerShape& shape,
                                                                 std::string_view text);

}  // namespace relata::generate
