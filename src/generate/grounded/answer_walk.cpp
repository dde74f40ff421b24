#include "grounded/answer_walk.h"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace relata::generate {

AnswerWalk::AnswerWalk(std::shared_ptr<const AnswerGrammar> grammar)
    : grammar_(std::move(grammar)), set_(grammar_->vocabulary().ids()) {
  if (!grammar_->nothing().empty()) {
    states_.push_back({.kind = State::Kind::Nothing, .literal = grammar_->nothing()});
  }
  if (grammar_->counts().items() > 0)
    states_.push_back(open_item(grammar_->first_lead(), nullptr, 0));
}

// ---- states ----------------------------------------------------------------------------------

AnswerWalk::State AnswerWalk::open_item(std::string_view lead,
                                        std::shared_ptr<const WrittenItem> written, int items) {
  State state = open_field(
      {.field = 0, .values = {}, .written = std::move(written), .items = items, .used = {}});
  if (lead.empty()) return state;
  state.kind = State::Kind::Lead;
  state.literal = lead;
  return state;
}

AnswerWalk::State AnswerWalk::open_field(FieldContext context) {
  fill_used(context);
  contexts_.push_back(std::make_unique<const FieldContext>(std::move(context)));
  State state;
  state.context = contexts_.back().get();
  state.used_end = static_cast<uint32_t>(state.context->used.size());
  return state;
}

// What the rules leave out, and what is used up: a text with which as many written items begin as
// there are ways to go on from it.
void AnswerWalk::fill_used(FieldContext& context) const {
  const ItemCounts& ways = grammar_->counts();
  context.used = ways.barred(context.field, context.values);
  if (!grammar_->distinct() ||
      ways.least_completions(context.field) > static_cast<uint64_t>(context.items)) {
    return;
  }
  std::map<std::string, uint64_t> counts;
  for (const WrittenItem* item = context.written.get(); item != nullptr;
       item = item->before.get()) {
    if (std::equal(context.values.begin(), context.values.end(), item->values.begin())) {
      ++counts[item->values[context.field]];
    }
  }
  const auto barred = static_cast<std::ptrdiff_t>(context.used.size());
  std::vector<std::string> values = context.values;
  for (const auto& [text, count] : counts) {
    values.push_back(text);
    if (count >= ways.completions(values)) context.used.push_back(text);
    values.pop_back();
  }
  std::inplace_merge(context.used.begin(), context.used.begin() + barred, context.used.end());
}

bool AnswerWalk::is_used_text(const State& state) const {
  return state.used_begin < state.used_end &&
         state.context->used[state.used_begin].size() == field(state).texts->depth(state.place);
}

bool AnswerWalk::may_leave(const State& state) const {
  return field(state).texts->is_end(state.place) && !is_used_text(state);
}

AnswerWalk::State AnswerWalk::leave(const State& state) const {
  State next = state;
  next.kind = State::Kind::Follow;
  next.literal = field(state).follow;
  next.at = 0;
  return next;
}

bool AnswerWalk::may_end(const State& state) const {
  switch (state.kind) {
    case State::Kind::Nothing:
      return state.at == state.literal.size();
    case State::Kind::Field:
      return is_last(state) && field(state).own == 0 && may_leave(state);
    case State::Kind::Follow:
      return is_last(state) && state.at == field(state).own;
    default:
      return false;
  }
}

int AnswerWalk::next_literal_byte(const State& state) const {
  if (state.at == state.literal.size()) return -1;
  // Behind the item itself comes a separator, and then another item.
  if (state.kind == State::Kind::Follow && is_last(state) && state.at == field(state).own) {
    const int items = state.context->items + 1;
    if (grammar_->max_items() > 0 && items >= grammar_->max_items()) return -1;
    if (grammar_->distinct() && grammar_->counts().items() <= static_cast<uint64_t>(items))
      return -1;
  }
  return static_cast<uint8_t>(state.literal[state.at]);
}

// Whether nothing can come behind the literal.
bool AnswerWalk::ends_answer(const State& state) const {
  return state.kind == State::Kind::Nothing ||
         (state.kind == State::Kind::Follow && is_last(state) &&
          field(state).own == state.literal.size());
}

AnswerWalk::State AnswerWalk::after_literal_byte(State state) {
  ++state.at;
  if (state.at < state.literal.size() || ends_answer(state)) return state;
  if (state.kind == State::Kind::Lead) {
    state.kind = State::Kind::Field;
    return state;
  }
  const FieldContext& context = *state.context;
  std::vector<std::string> values = context.values;
  values.emplace_back(field(state).texts->text(state.place));
  if (!is_last(state)) {
    return open_field({.field = context.field + 1,
                       .values = std::move(values),
                       .written = context.written,
                       .items = context.items,
                       .used = {}});
  }
  std::shared_ptr<const WrittenItem> written;
  if (grammar_->distinct()) {
    written = std::make_shared<const WrittenItem>(
        WrittenItem{.values = std::move(values), .before = context.written});
  }
  return open_item(grammar_->lead(), std::move(written), context.items + 1);
}

// Keeps of the used texts those that go on with `byte` at `depth`.
void AnswerWalk::narrow(State& state, uint32_t depth, uint8_t byte) const {
  const auto begin = state.context->used.begin();
  const auto byte_of = [&](const std::string& text) {
    return depth < text.size() ? static_cast<uint8_t>(text[depth]) : -1;
  };
  const auto first =
      std::partition_point(begin + state.used_begin, begin + state.used_end,
                           [&](const std::string& text) { return byte_of(text) < byte; });
  const auto last =
      std::partition_point(first, begin + state.used_end,
                           [&](const std::string& text) { return byte_of(text) == byte; });
  state.used_begin = static_cast<uint32_t>(first - begin);
  state.used_end = static_cast<uint32_t>(last - begin);
}

// False where all texts that begin so are used up.
bool AnswerWalk::enter_place(State& state, TextTree::Place place, uint8_t byte) const {
  const TextTree& texts = *field(state).texts;
  state.place = place;
  if (state.used_begin == state.used_end) return true;
  narrow(state, texts.depth(place) - 1, byte);
  return state.used_end - state.used_begin < texts.count(place);
}

// ---- allowed() -------------------------------------------------------------------------------

void AnswerWalk::visit(uint32_t node, const State& state) {
  if (state.kind == State::Kind::Field) {
    visit_field(node, state);
  } else {
    visit_literal(node, state);
  }
}

void AnswerWalk::visit_field(uint32_t node, const State& state) {
  const VocabularyTrie& trie = grammar_->vocabulary().trie;
  each_common_step(trie, node, *field(state).texts, state.place,
                   [&](uint32_t child, TextTree::Place place) {
                     State next = state;
                     if (!enter_place(next, place, trie.byte_of(child))) return;
                     set_.add(trie.tokens(child));
                     if (trie.child_count(child) > 0) visit_field(child, next);
                   });
  if (may_leave(state)) visit_literal(node, leave(state));
}

void AnswerWalk::visit_literal(uint32_t node, State state) {
  const VocabularyTrie& trie = grammar_->vocabulary().trie;
  while (state.kind != State::Kind::Field) {
    const int byte = next_literal_byte(state);
    if (byte < 0) return;
    node = trie.child(node, static_cast<uint8_t>(byte));
    if (node == VocabularyTrie::kNone) return;
    set_.add(trie.tokens(node));
    if (state.kind == State::Kind::Follow && state.at + 1 == state.literal.size()) {
      if (ends_answer(state) || !goes_on_after(node, state)) return;
      const size_t contexts = contexts_.size();
      visit(node, after_literal_byte(state));
      contexts_.resize(contexts);
      return;
    }
    state = after_literal_byte(state);
  }
  visit_field(node, state);
}

// Whether tokens reach over the end of what follows a field into what comes then. Few do, and a
// context costs more than this look.
bool AnswerWalk::goes_on_after(uint32_t node, const State& state) const {
  const VocabularyTrie& trie = grammar_->vocabulary().trie;
  if (trie.child_count(node) == 0) return false;
  if (is_last(state) && !grammar_->lead().empty()) {
    return trie.child(node, static_cast<uint8_t>(grammar_->lead()[0])) != VocabularyTrie::kNone;
  }
  const size_t next = is_last(state) ? 0 : state.context->field + 1;
  const TextTree& texts = *grammar_->fields()[next].texts;
  bool found = false;
  each_common_step(trie, node, texts, texts.root(),
                   [&](uint32_t, TextTree::Place) { found = true; });
  return found;
}

void AnswerWalk::add_field_start(const State& state) {
  const FieldStart& start = grammar_->start_of(state.context->field);
  set_.add(start.inside);
  if (state.used_begin < state.used_end) remove_used(VocabularyTrie::kRoot, state);
  const std::vector<std::string>& used = state.context->used;
  for (const FieldStart::Exit& exit : start.exits) {
    State left = state;
    left.place = exit.place;
    const std::string_view text = field(state).texts->text(exit.place);
    if (std::binary_search(used.begin(), used.end(), text)) continue;
    visit_literal(exit.node, leave(left));
  }
}

void AnswerWalk::remove_used(uint32_t node, const State& state) {
  const VocabularyTrie& trie = grammar_->vocabulary().trie;
  each_common_step(trie, node, *field(state).texts, state.place,
                   [&](uint32_t child, TextTree::Place place) {
                     State next = state;
                     const bool alive = enter_place(next, place, trie.byte_of(child));
                     if (next.used_begin == next.used_end) return;
                     if (!alive) set_.remove(trie.tokens(child));
                     remove_used(child, next);
                   });
}

void AnswerWalk::find_allowed(std::vector<int32_t>& ids) {
  const auto at_start = [](const State& state) {
    return state.kind == State::Kind::Field && state.place == TextTree::Place{};
  };
  // First, because it takes tokens out again.
  for (const State& state : states_) {
    if (at_start(state)) add_field_start(state);
  }
  bool ends = false;
  for (const State& state : states_) {
    if (!at_start(state)) visit(VocabularyTrie::kRoot, state);
    ends = ends || may_end(state);
  }
  const AnswerVocabulary& vocabulary = grammar_->vocabulary();
  if (first_) set_.remove(vocabulary.never_first);
  if (ends) set_.add(vocabulary.eos);
  set_.take(ids);
}

const std::vector<int32_t>& AnswerWalk::allowed() {
  if (first_) {
    return grammar_->first_tokens([this](std::vector<int32_t>& ids) { find_allowed(ids); });
  }
  if (!known_) find_allowed(allowed_);
  known_ = true;
  return allowed_;
}

// ---- accept() --------------------------------------------------------------------------------

std::vector<AnswerWalk::State> AnswerWalk::after_byte(const std::vector<State>& states,
                                                      uint8_t byte) {
  std::vector<State> out;
  const auto write_literal = [&](const State& state) {
    if (next_literal_byte(state) == byte) out.push_back(after_literal_byte(state));
  };
  for (const State& state : states) {
    if (state.kind != State::Kind::Field) {
      write_literal(state);
      continue;
    }
    State next = state;
    TextTree::Place place = state.place;
    if (field(state).texts->step(place, byte) && enter_place(next, place, byte)) {
      out.push_back(next);
    }
    if (may_leave(state)) write_literal(leave(state));
  }
  return out;
}

void AnswerWalk::drop_contexts() {
  std::erase_if(contexts_, [&](const auto& context) {
    return std::none_of(states_.begin(), states_.end(),
                        [&](const State& state) { return state.context == context.get(); });
  });
}

void AnswerWalk::accept(int32_t token) {
  const AnswerVocabulary& vocabulary = grammar_->vocabulary();
  const std::string_view bytes = vocabulary.trie.bytes(token);
  std::vector<State> states;
  if (!bytes.empty() && !(first_ && std::binary_search(vocabulary.never_first.begin(),
                                                       vocabulary.never_first.end(), token))) {
    states = states_;
  }
  for (const char byte : bytes) states = after_byte(states, static_cast<uint8_t>(byte));
  if (states.empty()) {
    drop_contexts();
    throw std::logic_error("ConstraintWalk::accept(): token " + std::to_string(token) +
                           " is not allowed");
  }
  states_ = std::move(states);
  first_ = false;
  known_ = false;
  drop_contexts();
}

}  // namespace relata::generate
