// What a question of the icl pipeline says: labels, examples, text; and a document's right answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pair/template_parts.h"
#include "relata/extract/extractor.h"
#include "relata/extract/icl.h"
#include "relata/text/chat.h"

namespace relata::extract {

// One thing found or stated: "type: name", "relation: head | tail" (`tail` only there).
struct IclItem {
  int label = 0;  // index into labels_of()
  std::string span;
  std::string tail;
  bool operator==(const IclItem&) const = default;
};

// What is asked for; `description` may be empty.
struct IclLabel {
  std::string id, name, description;
};
// `event_type`, an id, says whose roles kEae asks for; other tasks ignore it.
std::vector<IclLabel> icl_labels(const data::Schema& schema, IclTask task,
                                 const std::string& event_type);

struct IclQuestion {
  IclTask task = IclTask::kNer;
  const data::Document* document = nullptr;  // borrowed
  int event = -1;                            // of kEae: index into the document's events
};
std::string event_type_of(const IclQuestion& question);  // "" without an event

// What the document states, as an answer would; distinct, in the text's order. Entities without
// mentions are looked for by their names.
std::vector<IclItem> stated_items(const data::Schema& schema, const IclQuestion& question);

class IclPrompter {
 public:
  // Borrows the extractor. Errors: what check_icl_schema() says; no template of the task.
  static Result<IclPrompter> make(const Extractor& extractor, const std::vector<IclTask>& tasks);

  // Without the chat wrapper.
  std::string user_turn(const IclQuestion& question,
                        const std::vector<Demonstration>& examples) const;
  std::string wrapped(const std::string& turn) const { return text::wrap_chat(chat_, turn); }
  std::vector<int32_t> encode(const text::Tokenizer& tokenizer, const std::string& turn) const;
  // An example as a prompt shows it. One for kEae shows its document's first event of that type.
  std::string example_text(const IclQuestion& question, const Demonstration& example) const;
  std::string answer(IclTask task, const std::vector<IclLabel>& labels,
                     const std::vector<IclItem>& items) const;

  const Extractor& extractor() const { return *extractor_; }
  std::vector<TemplatePart> item_parts(IclTask task) const;
  const std::vector<std::string>& stops() const { return chat_.stops; }

 private:
  explicit IclPrompter(const Extractor& extractor) : extractor_(&extractor) {}
  std::string labels_text(const std::vector<IclLabel>& labels) const;

  const Extractor* extractor_;
  text::ChatTemplate chat_;
};

}  // namespace relata::extract
