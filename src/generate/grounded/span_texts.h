// The spans of a document as trees: one for all fields, and others for fields whose following text
// stands in the document, or tokenizers that do not spell all of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "grounded/text_tree.h"
#include "grounded/vocabulary_trie.h"
#include "grounded/word_marks.h"
#include "relata/generate/grounded.h"

namespace relata::generate {

class SpanTexts : public SpanSource {
 public:
  SpanTexts(std::string_view valid_utf8, const Options& options);
  // Spans that `vocabulary` spells and that end where `follow` first comes; "": no such rule.
  std::shared_ptr<const TextTree> tree(const VocabularyTrie& vocabulary,
                                       std::string_view follow) const;

 private:
  bool add_unspelled(const VocabularyTrie& vocabulary, std::vector<uint8_t>& breaks) const;
  std::shared_ptr<const TextTree> build(const std::vector<uint8_t>& breaks,
                                        const std::vector<uint32_t>& longest,
                                        std::string_view follow) const;

  std::string document_;
  Options options_;
  WordMarks marks_;
  std::vector<uint32_t> longest_;     // of a span that ends at each byte; 0: none does
  std::vector<uint8_t> line_breaks_;  // 1: a character starts here that no span holds
  std::shared_ptr<const TextTree> plain_;
};

}  // namespace relata::generate
