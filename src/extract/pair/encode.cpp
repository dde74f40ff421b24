#include "relata/extract/pair.h"
#include "relata/text/chat.h"

namespace relata::extract {

Result<std::string> user_turn(const Extractor& extractor, const data::Document& document, int head,
                              int tail) {
  RELATA_TRY(RenderedPrompt prompt,
             render_prompt(extractor.pair_template, extractor.schema, document, head, tail));
  return std::move(prompt.text);
}

Result<std::string> wrapped_prompt(const Extractor& extractor, const data::Document& document,
                                   int head, int tail) {
  RELATA_TRY(const std::string turn, user_turn(extractor, document, head, tail));
  RELATA_TRY(const text::ChatTemplate chat, extractor.chat_wrapper());
  return text::wrap_chat(chat, turn);
}

// Prompt and answer are tokenised apart and joined as ids, in training and inference alike, so
// that an answer's ids never depend on where the prompt ends.
Result<PairPrompt> encode_prompt(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                 const data::Document& document, int head, int tail) {
  RELATA_TRY(const std::string prompt, wrapped_prompt(extractor, document, head, tail));
  RELATA_TRY(const text::ChatTemplate chat, extractor.chat_wrapper());
  PairPrompt out;
  out.ids = tokenizer.encode_ids(prompt, chat.add_special);
  // Some tokenizers close every text; an answer must follow here.
  if (out.ids.size() > 1 && tokenizer.eos_id() >= 0 && out.ids.back() == tokenizer.eos_id()) {
    out.ids.pop_back();
  }
  if (out.ids.empty()) {
    return input_error("document \"" + document.id + "\": the prompt has no tokens",
                       "check the template's prompt");
  }
  return out;
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
