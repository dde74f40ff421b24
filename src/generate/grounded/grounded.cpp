#include <algorithm>
#include <stdexcept>

#include "grounded/answer_grammar.h"
#include "grounded/answer_walk.h"
#include "grounded/span_texts.h"
#include "relata/text/utf8.h"

namespace relata::generate {
namespace {

constexpr char kHint[] = "change the shape of the answer or the names in the schema";

class AnswerConstraint : public Constraint {
 public:
  explicit AnswerConstraint(std::shared_ptr<const AnswerGrammar> grammar)
      : grammar_(std::move(grammar)) {}
  std::unique_ptr<ConstraintWalk> start() const override {
    return std::make_unique<AnswerWalk>(grammar_);
  }

 private:
  std::shared_ptr<const AnswerGrammar> grammar_;
};

// All texts of a choice, each where it stands in one storage.
std::shared_ptr<const TextTree> choice_texts(const std::vector<std::string>& choices) {
  std::string storage;
  std::vector<TextTree::Entry> entries;
  for (const std::string& choice : choices) {
    entries.push_back(
        {static_cast<uint32_t>(storage.size()), static_cast<uint32_t>(choice.size())});
    storage += choice;
  }
  // A text ends where the next begins, so a mark there is no mark inside another text.
  std::vector<uint32_t> longest(storage.size() + 1);
  for (const TextTree::Entry& entry : entries) longest[entry.begin + entry.length] = entry.length;
  return std::make_shared<TextTree>(std::move(storage), std::move(entries), longest);
}

class Compiler : public AnswerCompiler {
 public:
  explicit Compiler(std::shared_ptr<const AnswerVocabulary> vocabulary)
      : vocabulary_(std::move(vocabulary)) {}

  Result<std::shared_ptr<const Constraint>> compile(
      const AnswerShape& shape, std::shared_ptr<const SpanSource> spans) const override {
    RELATA_TRY(const ShapeRules rules, read_shape(shape));
    RELATA_CHECK(check_spelling(rules));
    std::vector<std::shared_ptr<const TextTree>> texts;
    for (const FieldRules& field : rules.fields) {
      if (field.kind == AnswerField::Kind::Choice) {
        texts.push_back(choice_texts(field.choices));
        continue;
      }
      const auto* source = dynamic_cast<const SpanTexts*>(spans.get());
      if (source == nullptr) {
        throw std::logic_error("AnswerCompiler::compile(): a span, and no make_span_source()");
      }
      texts.push_back(source->tree(vocabulary_->trie, field.stops ? field.follow : ""));
    }
    auto grammar = std::make_shared<AnswerGrammar>(vocabulary_, rules, std::move(texts));
    if (grammar->counts().items() == 0 && grammar->nothing().empty()) {
      return input_error("the document has no words for an answer that must have an item",
                         "let the answer say nothing, or leave the document out");
    }
    return std::shared_ptr<const Constraint>(
        std::make_shared<AnswerConstraint>(std::move(grammar)));
  }

 private:
  Status check_spelling(const ShapeRules& rules) const {
    RELATA_CHECK(check_spelled("the text for nothing", rules.nothing));
    RELATA_CHECK(check_spelled("the literal", rules.lead));
    for (const FieldRules& field : rules.fields) {
      for (const std::string& choice : field.choices) {
        RELATA_CHECK(check_spelled("the choice", choice));
      }
      RELATA_CHECK(check_spelled("the literal or separator", field.follow));
    }
    return {};
  }

  Status check_spelled(const std::string& what, std::string_view text) const {
    if (text::find_invalid_utf8(text)) {
      return input_error(what + " \"" + text::replace_invalid_utf8(text) + "\" is not valid UTF-8",
                         kHint);
    }
    for (size_t at = 0; at < text.size();) {
      const size_t length = text::code_point_length(text, at);
      const std::string_view point = text.substr(at, length);
      if (!vocabulary_->trie.spells(point)) {
        return input_error(what + " \"" + std::string(text) +
                               "\" cannot be written with the model's tokens: none spells \"" +
                               std::string(point) + "\"",
                           kHint);
      }
      at += length;
    }
    return {};
  }

  std::shared_ptr<const AnswerVocabulary> vocabulary_;
};

std::string spelled(const text::Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::string out;
  for (const int32_t id : ids) out += tokenizer.token_bytes(id);
  return out;
}

// What tokens spell before every text; an error where they do not give texts back as they are.
Result<std::string> spelled_before(const text::Tokenizer& tokenizer) {
  const std::string kind = tokenizer.kind();
  const bool whole_words = kind.ends_with("wordpiece") || kind.ends_with("wordlevel");
  // A small vocabulary may lack some of them.
  for (const char* probe : {"a, b", "a", "1", "的", "の"}) {
    const std::vector<int32_t> ids = tokenizer.encode_ids(probe, false);
    const std::string out = spelled(tokenizer, ids);
    if (whole_words || !out.ends_with(probe) || tokenizer.decode(ids, true) != probe) continue;
    std::string before = out.substr(0, out.size() - std::string_view(probe).size());
    if (before.empty() || before == " ") return before;
  }
  return input_error("a tokenizer of the kind " + kind +
                         " does not give texts back as they were: answers cannot be constrained",
                     "use a model that generates text");
}

// Of tokens that spell a space, those that decoding leaves as they are where a text begins.
std::vector<int32_t> never_first(const text::Tokenizer& tokenizer, const VocabularyTrie& trie) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < trie.size(); ++id) {
    if (trie.bytes(id).starts_with(' ') && tokenizer.decode({id}, true).starts_with(' ') &&
        !trie.bytes(id).starts_with("  ")) {
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace

Result<std::shared_ptr<const AnswerCompiler>> make_answer_compiler(
    std::shared_ptr<const text::Tokenizer> tokenizer, int32_t eos) {
  if (eos < 0) eos = tokenizer->eos_id();
  if (eos < 0) {
    return usage_error("the tokenizer names no token that ends an answer",
                       "name one in tokenizer_config.json (eos_token)");
  }
  RELATA_TRY(std::string before, spelled_before(*tokenizer));
  std::vector<std::string> bytes(static_cast<size_t>(std::max(tokenizer->vocab_size(), 0)));
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    if (id != eos && !tokenizer->is_special(id)) bytes[i] = tokenizer->token_bytes(id);
  }
  auto vocabulary = std::make_shared<AnswerVocabulary>(std::move(bytes));
  vocabulary->eos = eos;
  vocabulary->before = std::move(before);
  if (!vocabulary->before.empty()) {
    vocabulary->never_first = never_first(*tokenizer, vocabulary->trie);
  }
  return std::shared_ptr<const AnswerCompiler>(std::make_shared<Compiler>(std::move(vocabulary)));
}

}  // namespace relata::generate
