// One answer on its way through a grammar.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grounded/answer_grammar.h"
#include "relata/generate/constraint.h"

namespace relata::generate {

// The items that are written; each node is shared by all answers that go on from it.
struct WrittenItem {
  std::vector<std::string> values;
  std::shared_ptr<const WrittenItem> before;
};

// What is known while one field is written.
struct FieldContext {
  size_t field = 0;
  std::vector<std::string> values;  // of the item's fields before
  std::shared_ptr<const WrittenItem> written;
  int items = 0;  // that are written
  // Texts of the field that lead to no item, or only to items that are written; sorted.
  std::vector<std::string> used;
};

class AnswerWalk : public ConstraintWalk {
 public:
  explicit AnswerWalk(std::shared_ptr<const AnswerGrammar> grammar);
  const std::vector<int32_t>& allowed() override;
  void accept(int32_t token) override;

 private:
  // One way to read what is written. Several may be open: a span may end or go on.
  struct State {
    enum class Kind : uint8_t {
      Nothing,  // in the answer that says nothing
      Lead,     // in the literal before an item's first field
      Field,    // in a field, at `place` of its texts
      Follow,   // in what follows the field's text that ends at `place`
    };
    Kind kind = Kind::Field;
    std::string_view literal = {};  // of the grammar; for Field, none
    size_t at = 0;                  // how much of it is written
    TextTree::Place place = {};
    uint32_t used_begin = 0;  // of the context's used texts, those that begin as this one
    uint32_t used_end = 0;
    const FieldContext* context = nullptr;
  };

  const GrammarField& field(const State& state) const {
    return grammar_->fields()[state.context->field];
  }
  bool is_last(const State& state) const {
    return state.context->field + 1 == grammar_->fields().size();
  }
  bool may_end(const State& state) const;
  bool is_used_text(const State& state) const;
  bool may_leave(const State& state) const;
  State leave(const State& state) const;
  // The byte that a literal goes on with; -1 where nothing may come.
  int next_literal_byte(const State& state) const;
  bool ends_answer(const State& state) const;
  // `state` after that byte.
  State after_literal_byte(State state);
  bool enter_place(State& state, TextTree::Place place, uint8_t byte) const;
  void narrow(State& state, uint32_t depth, uint8_t byte) const;

  State open_item(std::string_view lead, std::shared_ptr<const WrittenItem> written, int items);
  State open_field(FieldContext context);
  void fill_used(FieldContext& context) const;

  // Add to set_ the tokens below a node of the vocabulary.
  void visit(uint32_t node, const State& state);
  void visit_field(uint32_t node, const State& state);
  void visit_literal(uint32_t node, State state);
  void add_field_start(const State& state);
  void remove_used(uint32_t node, const State& state);
  bool goes_on_after(uint32_t node, const State& state) const;
  void find_allowed(std::vector<int32_t>& ids);

  std::vector<State> after_byte(const std::vector<State>& states, uint8_t byte);
  void drop_contexts();

  std::shared_ptr<const AnswerGrammar> grammar_;
  std::vector<std::unique_ptr<const FieldContext>> contexts_;
  std::vector<State> states_;
  bool first_ = true;  // nothing is written
  TokenSet set_;
  std::vector<int32_t> allowed_;
  bool known_ = false;  // allowed_ is of this place
};

}  // namespace relata::generate
