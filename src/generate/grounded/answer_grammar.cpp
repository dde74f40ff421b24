#include "grounded/answer_grammar.h"

namespace relata::generate {

AnswerGrammar::AnswerGrammar(std::shared_ptr<const AnswerVocabulary> vocabulary,
                             const ShapeRules& rules,
                             std::vector<std::shared_ptr<const TextTree>> texts)
    : vocabulary_(std::move(vocabulary)),
      lead_(rules.lead),
      first_lead_(vocabulary_->before + rules.lead),
      nothing_(rules.nothing.empty() ? std::string() : vocabulary_->before + rules.nothing),
      max_items_(rules.max_items),
      distinct_(rules.distinct),
      counts_(rules.fields, texts),
      starts_(rules.fields.size()) {
  for (size_t i = 0; i < rules.fields.size(); ++i) {
    fields_.push_back({std::move(texts[i]), rules.fields[i].follow, rules.fields[i].own});
  }
}

const FieldStart& AnswerGrammar::start_of(size_t field) const {
  LazyStart& lazy = starts_[field];
  std::call_once(lazy.once, [&] {
    lazy.start = std::make_unique<FieldStart>(vocabulary_->ids());
    visit(*lazy.start, fields_[field], VocabularyTrie::kRoot, fields_[field].texts->root());
  });
  return *lazy.start;
}

const std::vector<int32_t>& AnswerGrammar::first_tokens(
    const std::function<void(std::vector<int32_t>&)>& find) const {
  std::call_once(first_once_, [&] { find(first_tokens_); });
  return first_tokens_;
}

void AnswerGrammar::visit(FieldStart& start, const GrammarField& field, uint32_t node,
                          TextTree::Place place) const {
  each_common_step(vocabulary_->trie, node, *field.texts, place,
                   [&](uint32_t child, TextTree::Place next) {
                     start.inside.add(vocabulary_->trie.tokens(child));
                     enter(start, field, child, next);
                   });
}

void AnswerGrammar::enter(FieldStart& start, const GrammarField& field, uint32_t child,
                          TextTree::Place place) const {
  const VocabularyTrie& trie = vocabulary_->trie;
  if (trie.child_count(child) == 0) return;
  if (field.texts->is_end(place) && !field.follow.empty() &&
      trie.child(child, static_cast<uint8_t>(field.follow[0])) != VocabularyTrie::kNone) {
    start.exits.push_back({child, place});
  }
  visit(start, field, child, place);
}

}  // namespace relata::generate
