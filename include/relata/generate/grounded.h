// Answers that are a list of items over given names and over the text of a document: every answer
// that a walk lets through parses, and every span is a substring of the document.
//
// A token is allowed if, and only if, the answer with it is the beginning of an answer of the
// shape, so that no answer comes to a dead end. Any tokens that spell an answer are let through,
// those that Tokenizer::encode_ids(answer, false) makes of it among them, and tokens may reach over
// the ends of fields. docs/decisions/0007 says how it is done and what it costs.
//
// legend: V tokens of the vocabulary; n bytes of the document.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/generate/constraint.h"
#include "relata/text/tokenizer.h"

namespace relata::generate {

// A part of an item. Between two parts that are no literals stands a literal.
//
// A choice or a span ends where what follows it first comes: the literal behind it, or, for the
// last part of an item, the item's closing literal and the separator. It holds no earlier
// occurrence of that, also none that overlaps with the one that ends it. So an answer is read in
// one way only. With max_items 1, what is last goes to the end of the answer and has no such rule.
struct AnswerField {
  enum class Kind {
    Literal,  // exactly `text`
    Choice,   // one of `choices`
    Span,     // a substring of the document, of one line, without white space at its ends
  };
  Kind kind = Kind::Literal;
  std::string text;
  std::vector<std::string> choices;  // distinct, none empty
  std::string name = "";             // of a choice or span; only JSON schemas use it
  // What a choice or span is not: these texts, and the values of these fields before it in the item
  // (counted from 0, without literals).
  std::vector<std::string> never = {};
  std::vector<size_t> unlike = {};
  // By a field before it in the item and that one's value: what a choice may be behind it. Any of
  // `choices` where the value is not named.
  std::map<size_t, std::map<std::string, std::vector<std::string>>> behind = {};
};

// answer := nothing | item (separator item)*, then EOS. Distinct items: the values of no two are
// all the same, and behind the last item that there is only the end may come. An answer that is one
// item spelled like `nothing` says nothing.
struct AnswerShape {
  std::vector<AnswerField> item;
  std::string separator = "\n";
  std::string nothing = "none";  // "": an answer has at least one item
  int max_items = 0;             // 0: any number
  bool distinct = true;
};

// The spans of one document. Immutable; threads may share it. Cost: for 500 tokens of English 0.3
// ms; at most O(n * max_bytes) time and n * max_bytes bits.
class SpanSource {
 public:
  struct Options {
    // Spans begin and end at word boundaries: ICU's, at an apostrophe inside a word, and beside
    // Chinese and Japanese characters; they do not end with the mark behind a name ("Cornwall.",
    // but "Corp."). Without it, at any code point.
    bool whole_words = true;
    int max_bytes = 200;
  };
  virtual ~SpanSource() = default;
};
// Errors: a document that is not UTF-8, or too long for spans of that length (4 GiB are n times
// max_bytes).
Result<std::shared_ptr<const SpanSource>> make_span_source(std::string_view document,
                                                           const SpanSource::Options& options);

// Compiles shapes for one tokenizer. Immutable; thread-safe. Cost: one pass over the vocabulary.
class AnswerCompiler {
 public:
  virtual ~AnswerCompiler() = default;
  // `spans` may be null where no field is a Span; it comes from make_span_source(). What the tokens
  // cannot spell of a document is in no span. Errors: a shape without items or that is against the
  // rules of AnswerField, a choice, literal or separator that no token sequence spells (named), no
  // span in the document where an answer must have an item. Cost: tens of microseconds; what the
  // first token of a field may be is found when it is first asked for.
  virtual Result<std::shared_ptr<const Constraint>> compile(
      const AnswerShape& shape, std::shared_ptr<const SpanSource> spans) const = 0;
};
// `eos`: the token that ends an answer; -1: the tokenizer's. Errors: none of them, a tokenizer that
// does not give texts back as they were (WordPiece).
Result<std::shared_ptr<const AnswerCompiler>> make_answer_compiler(
    std::shared_ptr<const text::Tokenizer> tokenizer, int32_t eos = -1);

// The items of an answer's text, each with its fields that are not literals, in order; duplicates
// are dropped. `nothing` and "" give none. Errors: a text that the shape does not produce, whatever
// the document is; a shape that compile() refuses.
Result<std::vector<std::vector<std::string>>> parse_answer_items(const AnswerShape& shape,
                                                                 std::string_view text);

}  // namespace relata::generate
