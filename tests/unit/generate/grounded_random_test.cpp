// Random documents, vocabularies and shapes: what may come, beside a list of all answers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <random>
#include <set>

#include "list_tokenizer.h"
#include "relata/generate/grounded.h"
#include "relata/text/utf8.h"

namespace relata::generate {
namespace {

using Item = std::vector<std::string>;

struct Case {
  std::string document;
  SpanSource::Options options;
  AnswerShape shape;
  std::vector<std::string> tokens;
  bool space_before = false;
  std::string missing;  // a character that no token spells
};

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(below(static_cast<int>(from.size())))];
  }

 private:
  std::mt19937 random_;
};

// ---- the plain way: all answers, one by one --------------------------------------------------

bool is_letter(const std::string& point) {
  return point.size() == 1 && std::isalpha(static_cast<unsigned char>(point[0])) != 0;
}

std::vector<std::string> points_of(const std::string& text) {
  std::vector<std::string> points;
  for (size_t at = 0; at < text.size(); at += points.back().size()) {
    points.push_back(text.substr(at, text::code_point_length(text, at)));
  }
  return points;
}

// The documents of this test have letters, spaces, line breaks, punctuation and Han only.
std::set<std::string> all_spans(const Case& test) {
  const std::vector<std::string> points = points_of(test.document);
  const auto cut = [&](size_t at) {
    return at == 0 || at == points.size() || !test.options.whole_words ||
           !is_letter(points[at - 1]) || !is_letter(points[at]);
  };
  const auto blank = [&](size_t at) { return points[at] == " " || points[at] == "\n"; };
  const auto mark = [&](size_t at) {  // behind a word
    if (!test.options.whole_words || at == 0 || blank(at - 1)) return false;
    if (std::set<std::string>{",", ";", ":", "，", "。", "、", "：", "；"}.contains(points[at]))
      return true;
    if (points[at] != "." || (at + 1 < points.size() && !blank(at + 1))) return false;
    size_t begin = at;
    while (begin > 0 && is_letter(points[begin - 1])) --begin;
    return at - begin > 3 && (begin == 0 || points[begin - 1] != ".");
  };
  std::set<std::string> spans;
  for (size_t begin = 0; begin < points.size(); ++begin) {
    std::string span;
    for (size_t end = begin + 1; end <= points.size(); ++end) {
      const std::string& last = points[end - 1];
      if (last == "\n" || last == test.missing) break;
      span += last;
      if (span.size() > static_cast<size_t>(test.options.max_bytes)) break;
      if (mark(begin) || mark(end - 1)) continue;
      if (cut(begin) && cut(end) && !blank(begin) && !blank(end - 1)) spans.insert(span);
    }
  }
  return spans;
}

// What follows each field, as the shape's documentation says; "": nothing that ends it.
std::vector<std::string> follows(const AnswerShape& shape) {
  std::vector<std::string> out;
  for (const AnswerField& field : shape.item) {
    if (field.kind != AnswerField::Kind::Literal) {
      out.emplace_back();
    } else if (!out.empty()) {
      out.back() += field.text;
    }
  }
  out.back() = shape.max_items == 1 ? "" : out.back() + shape.separator;
  return out;
}

struct Written {
  std::string text;
  Item values;
};

std::vector<Written> all_items(const Case& test) {
  const std::set<std::string> spans = all_spans(test);
  const std::vector<std::string> ends = follows(test.shape);
  std::vector<Written> items = {{}};
  for (const AnswerField& field : test.shape.item) {
    std::vector<std::string> values = {field.text};
    const bool literal = field.kind == AnswerField::Kind::Literal;
    if (field.kind == AnswerField::Kind::Choice) values = field.choices;
    if (field.kind == AnswerField::Kind::Span) values = {spans.begin(), spans.end()};
    const auto may_stand = [&](const Item& before, const std::string& value) {
      if (std::count(field.never.begin(), field.never.end(), value) > 0) return false;
      for (const size_t other : field.unlike) {
        if (before[other] == value) return false;
      }
      for (const auto& [other, lists] : field.behind) {
        const auto list = lists.find(before[other]);
        if (list != lists.end() &&
            std::count(list->second.begin(), list->second.end(), value) == 0) {
          return false;
        }
      }
      return true;
    };
    std::vector<Written> longer;
    for (const Written& item : items) {
      const std::string& end = ends[std::min(item.values.size(), ends.size() - 1)];
      for (const std::string& value : values) {
        if (!literal && !end.empty() && (value + end).find(end) != value.size()) continue;
        if (!literal && !may_stand(item.values, value)) continue;
        Written next = item;
        next.text += value;
        if (!literal) next.values.push_back(value);
        longer.push_back(std::move(next));
      }
    }
    items = std::move(longer);
  }
  return items;
}

void add_answers(const std::vector<Written>& items, const AnswerShape& shape,
                 std::vector<size_t>& chosen, const std::string& text, size_t most,
                 std::set<std::string>& out) {
  if (!chosen.empty()) out.insert(text);
  if (chosen.size() == most) return;
  for (size_t i = 0; i < items.size(); ++i) {
    const bool again = std::find(chosen.begin(), chosen.end(), i) != chosen.end();
    if (shape.distinct && again) continue;
    chosen.push_back(i);
    add_answers(items, shape, chosen,
                text + (chosen.size() > 1 ? shape.separator : "") + items[i].text, most, out);
    chosen.pop_back();
  }
}

// ---- random cases ----------------------------------------------------------------------------

const std::vector<std::string> kPoints = {"a", "b", "c", " ", ",", "|", "中", "文", "\n"};

std::string random_text(Dice& dice, int most, const std::vector<std::string>& points) {
  std::string text;
  for (int i = dice.below(most); i >= 0; --i) text += dice.pick(points);
  return text;
}

AnswerField literal(const std::string& text) { return {AnswerField::Kind::Literal, text, {}}; }

AnswerField random_choice(Dice& dice) {
  std::set<std::string> names;
  for (int i = dice.below(4); i >= 0; --i)
    names.insert(random_text(dice, 3, {"a", "b", "c", "中"}));
  return {AnswerField::Kind::Choice, "", {names.begin(), names.end()}};
}

// Rules between the fields of an item.
void add_rules(Dice& dice, AnswerShape& shape) {
  std::vector<const AnswerField*> before;
  for (AnswerField& field : shape.item) {
    if (field.kind == AnswerField::Kind::Literal) continue;
    if (dice.chance(20)) field.never.push_back(dice.pick<std::string>({"a", "b", "ab", "中"}));
    for (size_t other = 0; other < before.size(); ++other) {
      if (dice.chance(40)) field.unlike.push_back(other);
      if (field.kind != AnswerField::Kind::Choice || !dice.chance(40)) continue;
      std::vector<std::string> values = before[other]->choices;
      values.emplace_back("a");
      for (const std::string& value : values) {
        if (dice.chance(30)) continue;
        auto& list = field.behind[other][value];
        for (const std::string& choice : field.choices) {
          if (dice.chance(50)) list.push_back(choice);
        }
        if (dice.chance(20)) list.emplace_back("no choice");
      }
    }
    before.push_back(&field);
  }
}

AnswerShape random_shape(Dice& dice) {
  const std::vector<std::string> between = {"|", " | ", ", ", " ", "||", ",b"};
  AnswerShape shape;
  if (dice.chance(30)) shape.item.push_back(literal(dice.pick<std::string>({"(", "a:", "c"})));
  for (int i = dice.below(3); i >= 0; --i) {
    if (dice.chance(50)) {
      shape.item.push_back(random_choice(dice));
    } else {
      shape.item.push_back({AnswerField::Kind::Span, "", {}});
    }
    if (i > 0) shape.item.push_back(literal(dice.pick(between)));
  }
  if (dice.chance(30)) shape.item.push_back(literal(dice.pick<std::string>({")", "||", "b"})));
  shape.separator = dice.pick<std::string>({"\n", "; ", ", ", "||", "\na"});
  shape.nothing = dice.pick<std::string>({"none", "", "a", "ab"});
  shape.max_items = dice.below(4);
  shape.distinct = dice.chance(75);
  if (dice.chance(40)) add_rules(dice, shape);
  return shape;
}

std::vector<std::string> random_vocabulary(Dice& dice, Case& test) {
  std::set<std::string> singles;
  std::string material = test.document + test.shape.separator + test.shape.nothing + " " +
                         test.shape.separator + test.document;
  for (const AnswerField& field : test.shape.item) {
    material += field.text;
    for (const std::string& choice : field.choices) material += choice + field.text;
  }
  const bool bytes = dice.chance(50);
  if (!bytes && dice.chance(20)) test.missing = "文";
  const std::vector<std::string> points = points_of(material);
  for (const std::string& point : points) {
    if (!bytes) singles.insert(point);
    if (bytes) {
      for (const char byte : point) singles.insert(std::string(1, byte));
    }
  }
  std::vector<std::string> tokens(singles.begin(), singles.end());
  for (int i = dice.below(60); i >= 0; --i) {
    std::string token;
    for (size_t at = static_cast<size_t>(dice.below(static_cast<int>(points.size())));
         at < points.size() && dice.chance(75); ++at) {
      token += points[at];
    }
    if (bytes && dice.chance(20) && !token.empty()) token.pop_back();
    if (dice.chance(10)) token = test.shape.separator + token;
    if (!token.empty()) tokens.push_back(token);
  }
  std::erase_if(tokens, [&](const std::string& token) {
    return !test.missing.empty() && token.find(test.missing) != std::string::npos;
  });
  return tokens;
}

Case random_case(Dice& dice) {
  Case test;
  test.document = random_text(dice, 9, kPoints);
  test.options.whole_words = dice.chance(70);
  test.options.max_bytes = dice.chance(30) ? 1 + dice.below(6) : 200;
  test.shape = random_shape(dice);
  test.space_before = dice.chance(40);
  test.tokens = random_vocabulary(dice, test);
  return test;
}

// ---- the comparison --------------------------------------------------------------------------

std::vector<int32_t> expected_tokens(const ListTokenizer& tokenizer, const std::string& written,
                                     const std::set<std::string>& answers) {
  std::vector<int32_t> ids;
  const auto is_prefix = [&](const std::string& text) {
    const auto at = answers.lower_bound(text);
    return at != answers.end() && at->starts_with(text);
  };
  if (answers.contains(written)) ids.push_back(tokenizer.eos_id());
  for (int32_t id = 2; id < tokenizer.vocab_size(); ++id) {
    if (is_prefix(written + tokenizer.token_bytes(id))) ids.push_back(id);
  }
  return ids;
}

std::string shown(const Case& test) {
  std::string out = "document \"" + test.document + "\", item:";
  for (const AnswerField& field : test.shape.item) {
    out += field.kind == AnswerField::Kind::Span ? " SPAN" : " \"" + field.text + "\"";
    for (const std::string& choice : field.choices) out += "/" + choice;
    for (const std::string& text : field.never) out += " never " + text;
    for (const size_t other : field.unlike) out += " unlike " + std::to_string(other);
    for (const auto& [other, lists] : field.behind) {
      for (const auto& [value, list] : lists) {
        out += " behind " + std::to_string(other) + "=" + value + ":";
        for (const std::string& choice : list) out += choice + "/";
      }
    }
  }
  return out + ", separator \"" + test.shape.separator + "\", nothing \"" + test.shape.nothing +
         "\", max_items " + std::to_string(test.shape.max_items) +
         (test.shape.distinct ? ", distinct" : "") + (test.space_before ? ", space before" : "");
}

// Follows one answer to its end, at most so many tokens.
void walk_once(Dice& dice, const Case& test, const Constraint& constraint,
               const ListTokenizer& tokenizer, const std::set<std::string>& answers) {
  const auto walk = constraint.start();
  std::string written;
  std::vector<int32_t> ids;
  for (int step = 0; step < 60; ++step) {
    const std::vector<int32_t> allowed = walk->allowed();
    ASSERT_EQ(allowed, expected_tokens(tokenizer, written, answers))
        << "after \"" << written << '"';
    const int32_t token = dice.pick(allowed);
    if (token == tokenizer.eos_id()) break;
    walk->accept(token);
    ids.push_back(token);
    written += tokenizer.token_bytes(token);
  }
  if (!answers.contains(written)) return;  // not at its end
  const std::string text = tokenizer.decode(ids, true);
  const auto items = parse_answer_items(test.shape, text);
  ASSERT_TRUE(items.ok()) << items.error().message;
  const std::vector<Written> possible = all_items(test);
  for (const Item& item : *items) {
    EXPECT_TRUE(std::any_of(possible.begin(), possible.end(), [&](const Written& other) {
      return other.values == item;
    })) << text;
  }
}

std::optional<std::set<std::string>> all_answers(const Case& test) {
  constexpr size_t kMostItems = 40;
  const std::vector<Written> items = all_items(test);
  // Without an end of their own, answers are cut where walks do not come.
  size_t most = test.shape.max_items > 0 ? static_cast<size_t>(test.shape.max_items) : 62;
  if (test.shape.distinct) most = std::min(most, items.size());
  double count = 1;
  for (size_t i = 0; i < most; ++i) {
    count *= static_cast<double>(items.size() - (test.shape.distinct ? i : 0));
  }
  if (items.size() > kMostItems || count > 20000) return std::nullopt;
  std::set<std::string> answers;
  std::vector<size_t> chosen;
  add_answers(items, test.shape, chosen, "", most, answers);
  if (!test.shape.nothing.empty()) answers.insert(test.shape.nothing);
  std::set<std::string> spelled;
  for (const std::string& answer : answers) {
    spelled.insert((test.space_before ? " " : "") + answer);
  }
  return spelled;
}

TEST(GroundedRandom, MasksAreThoseOfTheListOfAllAnswers) {
  const char* full = std::getenv("FULL_TESTS");
  const int cases = full != nullptr && std::string_view(full) == "1" ? 100'000 : 4000;
  int compared = 0;
  int refused = 0;
  for (int seed = 0; seed < cases; ++seed) {
    Dice dice(static_cast<uint32_t>(seed));
    Case test = random_case(dice);
    const auto tokenizer = std::make_shared<ListTokenizer>(test.tokens, test.space_before);
    const auto compiler = make_answer_compiler(tokenizer);
    if (!compiler.ok()) continue;  // none of its probes can be spelled
    const auto spans = make_span_source(test.document, test.options).value();
    const auto constraint = (*compiler)->compile(test.shape, spans);
    const auto answers = all_answers(test);
    if (!constraint.ok()) {
      ++refused;
      continue;
    }
    if (!answers) continue;
    ASSERT_FALSE(answers->empty());
    for (int i = 0; i < 4; ++i) {
      walk_once(dice, test, **constraint, *tokenizer, *answers);
      if (HasFatalFailure()) FAIL() << "seed " << seed << ", " << shown(test);
    }
    ++compared;
  }
  RecordProperty("compared", compared);
  RecordProperty("refused", refused);
  EXPECT_GT(compared, cases / 3);
  EXPECT_LT(refused, cases / 3);
}

}  // namespace
}  // namespace relata::generate
