// A shape compiled for one document and one tokenizer: what walks share.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "grounded/item_counts.h"
#include "grounded/shape_rules.h"
#include "grounded/text_tree.h"
#include "grounded/token_set.h"
#include "grounded/vocabulary_trie.h"

namespace relata::generate {

// What a tokenizer contributes to every answer.
struct AnswerVocabulary {
  explicit AnswerVocabulary(std::vector<std::string> bytes) : trie(std::move(bytes)) {}

  VocabularyTrie trie;
  int32_t eos = -1;
  // What the tokens of an answer spell before it: a space where the tokenizer puts one before
  // every text, else "".
  std::string before;
  // Tokens that spell a space which decoding keeps at the beginning of a text; ascending.
  std::vector<int32_t> never_first;

  int32_t ids() const { return std::max(trie.size(), eos + 1); }
};

struct GrammarField {
  std::shared_ptr<const TextTree> texts;
  std::string follow;  // FieldRules
  size_t own = 0;      // FieldRules
};

// The tokens that stay inside a field from its beginning, and where one may leave it.
struct FieldStart {
  // A token's way: bytes that are a whole text of the field, after which its next byte may follow.
  struct Exit {
    uint32_t node;  // in the vocabulary
    TextTree::Place place;
  };
  explicit FieldStart(int32_t size) : inside(size) {}

  TokenSet inside;
  std::vector<Exit> exits;
};

class AnswerGrammar {
 public:
  AnswerGrammar(std::shared_ptr<const AnswerVocabulary> vocabulary, const ShapeRules& rules,
                std::vector<std::shared_ptr<const TextTree>> texts);

  const AnswerVocabulary& vocabulary() const { return *vocabulary_; }
  const std::vector<GrammarField>& fields() const { return fields_; }
  const std::string& lead() const { return lead_; }
  // Of the first item, and of the answer that says nothing, with what tokens spell before both.
  const std::string& first_lead() const { return first_lead_; }
  const std::string& nothing() const { return nothing_; }
  int max_items() const { return max_items_; }
  bool distinct() const { return distinct_; }
  const ItemCounts& counts() const { return counts_; }
  // Made when first asked for: most fields of most answers are asked for often, some never.
  const FieldStart& start_of(size_t field) const;
  // The tokens that an answer may begin with; `find` finds them the first time.
  const std::vector<int32_t>& first_tokens(
      const std::function<void(std::vector<int32_t>&)>& find) const;

 private:
  void visit(FieldStart& start, const GrammarField& field, uint32_t node,
             TextTree::Place place) const;
  void enter(FieldStart& start, const GrammarField& field, uint32_t child,
             TextTree::Place place) const;

  std::shared_ptr<const AnswerVocabulary> vocabulary_;
  std::string lead_;
  std::string first_lead_;
  std::string nothing_;  // "": an answer says something
  std::vector<GrammarField> fields_;
  int max_items_ = 0;
  bool distinct_ = true;
  ItemCounts counts_;

  struct LazyStart {
    std::once_flag once;
    std::unique_ptr<FieldStart> start;
  };
  mutable std::vector<LazyStart> starts_;
  mutable std::once_flag first_once_;
  mutable std::vector<int32_t> first_tokens_;
};

// Calls visit(child, place) for every way that one byte leads on in both `trie` and `texts`.
template <class Visit>
void each_common_step(const VocabularyTrie& trie, uint32_t node, const TextTree& texts,
                      TextTree::Place place, const Visit& visit) {
  if (!texts.at_branch(place)) {
    const uint32_t child = trie.child(node, texts.next_byte(place));
    if (child != VocabularyTrie::kNone) {
      visit(child, TextTree::Place{place.node, place.offset + 1});
    }
    return;
  }
  const uint32_t first = texts.first_child(place.node);
  for (uint32_t next = first; next < first + texts.child_count(place.node); ++next) {
    const uint32_t child = trie.child(node, texts.first_byte(next));
    if (child != VocabularyTrie::kNone) visit(child, TextTree::Place{next, 1});
  }
}

}  // namespace relata::generate
