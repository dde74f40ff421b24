#include "relata/extract/pair.h"
#include "relata/text/chat.h"

namespace relata::extract {

// Prompt and answer are tokenised apart and joined as ids, in training and inference alike, so
// that an answer's ids never depend on where the prompt ends.
Result<PairPrompt> encode_prompt(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                 const data::Document& document, int head, int tail) {
  RELATA_TRY(const RenderedPrompt prompt,
             render_prompt(extractor.pair_template, extractor.schema, document, head, tail));
  RELATA_TRY(const text::ChatTemplate chat, extractor.chat_wrapper());
  PairPrompt out;
  out.ids = tokenizer.encode_ids(text::wrap_chat(chat, prompt.text), chat.add_special);
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
