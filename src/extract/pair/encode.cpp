#include <algorithm>

#include "relata/extract/pair.h"
#include "relata/text/chat.h"

namespace relata::extract {
namespace {

Result<FoundDemonstrations> find_examples(const Extractor& extractor,
                                          const PairQuestion& question) {
  if (extractor.demonstrations == nullptr || !shows_examples(extractor.pair_template)) {
    return FoundDemonstrations();
  }
  const auto most = static_cast<size_t>(std::max(extractor.config.demonstrations.examples, 0));
  return extractor.demonstrations->find({question.document, question.head, question.tail, ""},
                                        most);
}

}  // namespace

Result<PairQuestion> with_examples(const Extractor& extractor, PairQuestion question,
                                   DemonstrationCounts& counts) {
  RELATA_TRY(FoundDemonstrations found, find_examples(extractor, question));
  counts.duplicates += found.duplicates;
  counts.shown += std::ssize(found.best);
  question.examples.assign(std::make_move_iterator(found.best.rbegin()),
                           std::make_move_iterator(found.best.rend()));
  return question;
}

Result<std::string> user_turn(const Extractor& extractor, const PairQuestion& question) {
  RELATA_TRY(RenderedPrompt prompt,
             render_prompt(extractor.pair_template, extractor.schema, question));
  return std::move(prompt.text);
}

Result<std::string> wrapped_prompt(const Extractor& extractor, const PairQuestion& question) {
  RELATA_TRY(const std::string turn, user_turn(extractor, question));
  RELATA_TRY(const text::ChatTemplate chat, extractor.chat_wrapper());
  return text::wrap_chat(chat, turn);
}

// Prompt and answer are tokenised apart and joined as ids, in training and inference alike, so
// that an answer's ids never depend on where the prompt ends.
Result<PairPrompt> encode_question(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                   const PairQuestion& question) {
  RELATA_TRY(const std::string prompt, wrapped_prompt(extractor, question));
  RELATA_TRY(const text::ChatTemplate chat, extractor.chat_wrapper());
  PairPrompt out;
  out.ids = tokenizer.encode_ids(prompt, chat.add_special);
  // Some tokenizers close every text; an answer must follow here.
  if (out.ids.size() > 1 && tokenizer.eos_id() >= 0 && out.ids.back() == tokenizer.eos_id()) {
    out.ids.pop_back();
  }
  if (out.ids.empty()) {
    return input_error("document \"" + question.document->id + "\": the prompt has no tokens",
                       "check the template's prompt");
  }
  out.examples.shown = std::ssize(question.examples);
  return out;
}

Result<PairPrompt> encode_prompt(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                 const data::Document& document, const data::PairQuery& query,
                                 size_t most) {
  PairQuestion question{&document, query.head, query.tail};
  RELATA_TRY(FoundDemonstrations found, find_examples(extractor, question));
  if (found.best.empty() && found.duplicates == 0) {
    return encode_question(extractor, tokenizer, question);
  }
  std::vector<size_t> cost;
  for (const Demonstration& example : found.best) {
    RELATA_TRY(const std::string text,
               render_example(extractor.pair_template, extractor.schema, example));
    cost.push_back(tokenizer.encode_ids(text, false).size());
  }
  DemonstrationCounts counts;
  counts.duplicates = found.duplicates;
  const auto budget = static_cast<size_t>(std::max(extractor.config.demonstrations.max_tokens, 0));
  std::vector<Demonstration> examples =
      fitting_demonstrations(std::move(found.best), cost, budget == 0 ? SIZE_MAX : budget, counts);
  while (true) {
    question.examples.assign(examples.rbegin(), examples.rend());
    RELATA_TRY(PairPrompt prompt, encode_question(extractor, tokenizer, question));
    if (most == 0 || prompt.ids.size() <= most || examples.empty()) {
      counts.shown = std::ssize(examples);
      prompt.examples = counts;
      return prompt;
    }
    examples.pop_back();
    ++counts.no_room;
  }
}

std::vector<int32_t> encode_answer(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                   const data::Document& document, int head, int tail,
                                   const std::vector<std::string>& labels, int32_t eos) {
  std::vector<int32_t> ids = tokenizer.encode_ids(
      render_answer(extractor.pair_template, extractor.schema, document, head, tail, labels),
      false);
  if (eos >= 0) ids.push_back(eos);
  return ids;
}

}  // namespace relata::extract
