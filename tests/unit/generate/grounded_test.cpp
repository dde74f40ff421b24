// Answers over choices and over the text of a document, by hand.
#include "relata/generate/grounded.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "list_tokenizer.h"

namespace relata::generate {
namespace {

using Items = std::vector<std::vector<std::string>>;

AnswerField literal(const std::string& text) { return {AnswerField::Kind::Literal, text, {}}; }
AnswerField choice(std::vector<std::string> names) {
  return {AnswerField::Kind::Choice, "", std::move(names)};
}
AnswerField span() { return {AnswerField::Kind::Span, "", {}}; }

// Every byte of ASCII and of the code points of `text`, and some longer tokens.
std::shared_ptr<const ListTokenizer> bytes_and(std::vector<std::string> longer,
                                               bool space_before = false) {
  for (int byte = 0; byte < 256; ++byte) longer.emplace_back(1, static_cast<char>(byte));
  return std::make_shared<ListTokenizer>(std::move(longer), space_before);
}

// Whether the walk lets the tokens of `text` and then EOS through.
bool admits(const text::Tokenizer& tokenizer, const Constraint& constraint,
            const std::string& text) {
  const auto walk = constraint.start();
  const auto may_come = [&](int32_t id) {
    const auto& allowed = walk->allowed();
    return std::binary_search(allowed.begin(), allowed.end(), id);
  };
  for (const int32_t id : tokenizer.encode_ids(text, false)) {
    if (!may_come(id)) return false;
    walk->accept(id);
  }
  return may_come(tokenizer.eos_id());
}

class Grounded {
 public:
  Grounded(const std::string& document, AnswerShape shape, const SpanSource::Options& options = {},
           std::shared_ptr<const ListTokenizer> tokenizer = bytes_and({}))
      : tokenizer_(std::move(tokenizer)), shape_(std::move(shape)) {
    const auto spans = make_span_source(document, options).value();
    constraint_ = make_answer_compiler(tokenizer_).value()->compile(shape_, spans).value();
  }
  bool operator()(const std::string& answer) const {
    return admits(*tokenizer_, *constraint_, answer);
  }
  std::set<std::string> next(const std::string& written) const {
    const auto walk = constraint_->start();
    for (const int32_t id : tokenizer_->encode_ids(written, false)) walk->accept(id);
    std::set<std::string> out;
    for (const int32_t id : walk->allowed()) {
      out.insert(id == tokenizer_->eos_id() ? "EOS" : tokenizer_->token_bytes(id));
    }
    return out;
  }

 private:
  std::shared_ptr<const ListTokenizer> tokenizer_;
  AnswerShape shape_;
  std::shared_ptr<const Constraint> constraint_;
};

using Tokens = std::set<std::string>;

TEST(Grounded, SpansAreWordsOfTheDocument) {
  const Grounded may("Ada Byron (London), France's queen.", {.item = {span()}});
  for (const char* good : {"none", "Ada", "Ada Byron", "Byron (London)", "London\nFrance\nAda", "(",
                           "France's", "France's queen", "queen"}) {
    EXPECT_TRUE(may(good)) << good;
  }
  for (const char* bad : {"", "Ad", "da", "Ada ", " Ada", "Byron\n", "\nAda", "Ada\nAda", "Rome",
                          "none\n", "Ada  Byron", "AdaByron"}) {
    EXPECT_FALSE(may(bad)) << bad;
  }
}

TEST(Grounded, MarksBehindNamesAreNoPartOfThem) {
  const Grounded may("Hale Corp. of Leeds, in St. Ives. Born 1902; see U.S.A. law: Yahoo! in it",
                     {.item = {span()}});
  for (const char* good : {"Hale Corp.", "Hale Corp. of Leeds", "Leeds", "St.", "St. Ives", "1902",
                           "U.S.A.", "Leeds, in St. Ives", "Yahoo!"}) {
    EXPECT_TRUE(may(good)) << good;
  }
  for (const char* bad : {"Leeds,", "St. Ives.", "Ives.", "1902;", "law:", ",", ", in St. Ives"}) {
    EXPECT_FALSE(may(bad)) << bad;
  }
  const Grounded apart("Leeds , Ives .", {.item = {span()}});
  for (const char* good : {"Leeds ,", "Ives .", ", Ives"}) EXPECT_TRUE(apart(good)) << good;
  const Grounded chinese("贝多芬，生于波恩。", {.item = {span()}});
  EXPECT_TRUE(chinese("波恩"));
  for (const char* bad : {"波恩。", "贝多芬，", "，生于"}) EXPECT_FALSE(chinese(bad)) << bad;
}

TEST(Grounded, WhatCannotBeSeenIsNoPartOfNames) {
  const Grounded may("\uFEFFAda \u202EByron\u202C in\u200BRome, Par\u00ADis\u00AD \u2060.",
                     {.item = {span()}});
  for (const char* good : {"Ada", "Byron", "Ada \u202EByron", "in", "Rome", "Par\u00ADis"}) {
    EXPECT_TRUE(may(good)) << good;
  }
  for (const char* bad : {"\uFEFFAda", "\u202EByron", "Byron\u202C", "in\u200B", "\u200BRome",
                          "Par", "is", "Par\u00ADis\u00AD", "\u2060"}) {
    EXPECT_FALSE(may(bad)) << bad;
  }
  // An emoji of several.
  EXPECT_TRUE(
      Grounded("a \U0001F469\u200D\U0001F52C b", {.item = {span()}})("\U0001F469\u200D\U0001F52C"));
}

TEST(Grounded, ChineseSpansAreCodePoints) {
  const Grounded may("贝多芬生于波恩。Bonn大学", {.item = {span()}, .nothing = "无"});
  for (const char* good : {"无", "贝多芬", "多", "波恩\n贝多芬", "波恩。Bonn", "Bonn大"}) {
    EXPECT_TRUE(may(good)) << good;
  }
  EXPECT_FALSE(may("Bo"));
  EXPECT_FALSE(may("onn大"));
  EXPECT_FALSE(may(std::string("波恩").substr(0, 4)));
}

TEST(Grounded, AnyCodePointsWhereWordsAreNotAsked) {
  const Grounded may("naïve x", {.item = {span()}}, {.whole_words = false});
  EXPECT_TRUE(may("aïv"));
  EXPECT_TRUE(may("e x"));
  EXPECT_FALSE(may("e "));
}

TEST(Grounded, SpansKeepToALineAndALength) {
  const Grounded may("one two\nthree four five", {.item = {span()}}, {.max_bytes = 10});
  EXPECT_TRUE(may("one two"));
  EXPECT_TRUE(may("three four"));
  EXPECT_FALSE(may("three four five"));
  EXPECT_FALSE(may("two three"));
  EXPECT_EQ(may.next("three"), (Tokens{" ", "\n", "EOS"}));
}

TEST(Grounded, TriplesEndTheirPartsWhereTheLiteralComes) {
  const AnswerShape shape = {.item = {literal("("), span(), literal(" | "),
                                      choice({"born in", "born"}), literal(" | "), span(),
                                      literal(")")}};
  const Grounded may("Bach (composer) | born in Eisenach", shape);
  EXPECT_TRUE(may("(Bach | born in | Eisenach)"));
  EXPECT_TRUE(may("(Bach (composer) | born | Eisenach)\n(Bach | born | Eisenach)"));
  EXPECT_TRUE(may("(Eisenach | born | Bach (composer))"));
  EXPECT_FALSE(may("(Bach | died in | Eisenach)"));
  EXPECT_FALSE(may("(Bach | born in | Eisenach"));
  // "|" before " | " could be read in two ways.
  EXPECT_FALSE(may("((composer) | | born | Bach)"));
  const std::string text = "(Bach (composer) | born | Eisenach)\n(Bach | born in | Eisenach)";
  EXPECT_EQ(parse_answer_items(shape, text).value(),
            (Items{{"Bach (composer)", "born", "Eisenach"}, {"Bach", "born in", "Eisenach"}}));
}

TEST(Grounded, ItemsAreDistinctAndEndWhenNoneIsLeft) {
  const Grounded may("", {.item = {choice({"a", "b", "bb"})}});
  EXPECT_EQ(may.next(""), (Tokens{"a", "b", "n"}));
  EXPECT_EQ(may.next("b\n"), (Tokens{"a", "b"}));
  EXPECT_EQ(may.next("b\nb"), (Tokens{"b"}));
  EXPECT_EQ(may.next("bb\nb"), (Tokens{"\n", "EOS"}));
  EXPECT_EQ(may.next("b\nbb\na"), (Tokens{"EOS"}));
  const Grounded again("", {.item = {choice({"a"})}, .max_items = 3, .distinct = false});
  EXPECT_EQ(again.next("a\na"), (Tokens{"\n", "EOS"}));
  EXPECT_EQ(again.next("a\na\na"), (Tokens{"EOS"}));
}

TEST(Grounded, PairsAreUsedUpOneByOne) {
  const Grounded may("", {.item = {choice({"x", "y"}), literal("="), choice({"1", "2"})}});
  EXPECT_EQ(may.next("x=1\nx="), (Tokens{"2"}));
  EXPECT_EQ(may.next("x=1\nx=2\n"), (Tokens{"y"}));
  EXPECT_EQ(may.next("x=1\ny=1\nx=2\ny=2"), (Tokens{"EOS"}));
}

TEST(Grounded, FieldsKeepToTheFieldsBeforeThem) {
  AnswerField head = choice({"Ann", "Bob", "Rome"});
  AnswerField tail = head;
  head.behind[0] = {{"lives in", {"Ann", "Bob"}}, {"eats", {}}};
  tail.behind[0] = {{"lives in", {"Rome"}}};
  tail.unlike = {1};
  const Grounded may("", {.item = {choice({"lives in", "meets", "eats"}), literal("|"), head,
                                   literal("|"), tail}});
  EXPECT_EQ(may.next(""), (Tokens{"l", "m", "n"}));  // nothing eats
  EXPECT_EQ(may.next("lives in|"), (Tokens{"A", "B"}));
  EXPECT_EQ(may.next("lives in|Ann|"), (Tokens{"R"}));
  EXPECT_EQ(may.next("meets|Ann|"), (Tokens{"B", "R"}));
  EXPECT_EQ(may.next("lives in|Ann|Rome\nlives in|Bob|Rome\n"), (Tokens{"m"}));
  EXPECT_EQ(may.next("lives in|Ann|Rome\nlives in|"), (Tokens{"B"}));
}

TEST(Grounded, SpansAreUnlikeWhatIsKnown) {
  AnswerField other = span();
  other.unlike = {0};
  const Grounded pairs("Ann Lee", {.item = {span(), literal("|"), other}});
  EXPECT_EQ(pairs.next("Ann|"), (Tokens{"A", "L"}));
  EXPECT_FALSE(pairs("Ann|Ann"));
  EXPECT_TRUE(pairs("Ann|Ann Lee"));
  EXPECT_FALSE(pairs("Ann Lee|Ann Lee"));
  const Grounded none("Ann", {.item = {span(), literal("|"), other}});
  EXPECT_EQ(none.next(""), (Tokens{"n"}));  // no pair is left
  AnswerField tail = span();
  tail.never = {"Ann", "Cid"};
  const Grounded tails("Ann Lee", {.item = {tail}});
  EXPECT_EQ(tails.next("Ann"), (Tokens{" "}));
  EXPECT_TRUE(tails("Lee\nAnn Lee"));
}

TEST(Grounded, TokensReachOverTheEndsOfFields) {
  const Grounded may("red fox", {.item = {span(), literal(": "), choice({"animal"})}}, {},
                     bytes_and({"fox: an", "fox", "ox: ", "imal\nr", "imal\nf", "imal\nfox: animal",
                                "red fo", " fox:"}));
  EXPECT_EQ(may.next(""), (Tokens{"r", "f", "n", "red fo", "fox", "fox: an"}));
  EXPECT_EQ(may.next("fox: an"), (Tokens{"i", "imal\nr"}));
  EXPECT_EQ(may.next("red"), (Tokens{" ", ":", " fox:"}));
}

TEST(Grounded, TheSpaceBeforeAnAnswerIsNoPartOfIt) {
  const auto tokenizer = bytes_and({" none", " Ada", "Ada", " Byron"}, true);
  const Grounded may("Ada Byron", {.item = {span()}}, {}, tokenizer);
  EXPECT_TRUE(may("none"));
  EXPECT_TRUE(may("Ada Byron\nByron"));
  EXPECT_EQ(may.next("Ada"), (Tokens{" ", " Byron", "\n", "EOS"}));
  const auto constraint = make_answer_compiler(tokenizer).value()->compile(
      {.item = {span()}}, make_span_source("Ada Byron", {}).value());
  std::set<std::string> first;
  for (const int32_t id : constraint.value()->start()->allowed()) {
    first.insert(tokenizer->token_bytes(id));
  }
  EXPECT_EQ(first, (Tokens{" ", " none", " Ada", " Byron"}));
}

TEST(Grounded, WhatNoTokenSpellsIsInNoSpan) {
  const auto tokenizer = std::make_shared<ListTokenizer>(
      std::vector<std::string>{"a", "b", " ", "\n", "n", "o", "e", "a é", "none"});
  const Grounded may("ab éa b", {.item = {span()}}, {}, tokenizer);
  EXPECT_TRUE(may("ab"));
  EXPECT_EQ(may.next(""), (Tokens{"a", "b", "n", "none"}));
  EXPECT_EQ(may.next("ab"), (Tokens{"\n", "EOS"}));
  const auto compiler = make_answer_compiler(tokenizer).value();
  const auto bad = compiler->compile({.item = {choice({"ab", "abc"})}}, nullptr);
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().message.find("\"abc\""), std::string::npos) << bad.error().message;
}

TEST(Grounded, AnEmptyDocumentLeavesNothingToSay) {
  EXPECT_EQ(Grounded(" \n ", {.item = {span()}}).next("non"), (Tokens{"e"}));
  const auto compiler = make_answer_compiler(bytes_and({})).value();
  const auto spans = make_span_source("", {}).value();
  EXPECT_FALSE(compiler->compile({.item = {span()}, .nothing = ""}, spans).ok());
}

TEST(Grounded, BadShapesAreRefused) {
  const auto compiler = make_answer_compiler(bytes_and({})).value();
  const auto spans = make_span_source("a b", {}).value();
  const auto message = [&](const AnswerShape& shape) {
    const auto made = compiler->compile(shape, spans);
    return made.ok() ? std::string() : made.error().message;
  };
  EXPECT_NE(message({}), "");
  EXPECT_NE(message({.item = {literal("x")}}), "");
  EXPECT_NE(message({.item = {span(), span()}}), "");
  EXPECT_NE(message({.item = {span()}, .separator = ""}), "");
  EXPECT_NE(message({.item = {choice({})}}), "");
  EXPECT_NE(message({.item = {choice({""})}}), "");
  EXPECT_NE(message({.item = {span()}, .max_items = -1}), "");
  EXPECT_NE(message({.item = {choice({"one\ntwo"})}}).find("one\ntwo"), std::string::npos);
  EXPECT_NE(message({.item = {choice({"\xFF"})}}), "");
  EXPECT_EQ(message({.item = {choice({"one\ntwo"})}, .max_items = 1}), "");
  EXPECT_FALSE(make_span_source("\xC3(", {}).ok());
  EXPECT_FALSE(make_span_source("a", {.max_bytes = 0}).ok());
}

TEST(Grounded, WhatIsNotAllowedIsALogicError) {
  const auto tokenizer = bytes_and({});
  const auto constraint = make_answer_compiler(tokenizer).value()->compile(
      {.item = {span()}}, make_span_source("a b", {}).value());
  const auto walk = constraint.value()->start();
  for (const int32_t token : {-1, 0, 1, 100000, tokenizer->encode_ids("x", false)[0]}) {
    EXPECT_THROW(walk->accept(token), std::logic_error);
  }
  walk->accept(tokenizer->encode_ids("a", false)[0]);
  EXPECT_EQ(walk->allowed().size(), 3U);
}

TEST(Grounded, ThreadsShareAConstraint) {
  const auto tokenizer = bytes_and({"ab", "b c"});
  const auto constraint = make_answer_compiler(tokenizer).value()->compile(
      {.item = {span()}}, make_span_source("ab c ab d", {}).value());
  std::vector<std::thread> threads;
  std::array<bool, 4> good{};
  for (size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([&, i] { good[i] = admits(*tokenizer, **constraint, "ab c\nd\nc ab"); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, (std::array<bool, 4>{true, true, true, true}));
}

TEST(ParseAnswerItems, KeepsToTheRulesOfFields) {
  AnswerField other = span();
  other.unlike = {0};
  const AnswerShape shape = {.item = {span(), literal("|"), other}};
  EXPECT_TRUE(parse_answer_items(shape, "a|b").ok());
  EXPECT_FALSE(parse_answer_items(shape, "a|a").ok());
  AnswerShape early = shape;
  early.item[0].unlike = {0};
  EXPECT_FALSE(parse_answer_items(early, "a|b").ok());  // nothing stands before it
}

TEST(ParseAnswerItems, GivesValuesAndDropsDuplicates) {
  const AnswerShape pairs = {.item = {span(), literal(" -> "), choice({"x", "y"})}};
  EXPECT_EQ(parse_answer_items(pairs, "a b -> x\nc -> y\na b -> x").value(),
            (Items{{"a b", "x"}, {"c", "y"}}));
  EXPECT_EQ(parse_answer_items(pairs, "none").value(), Items{});
  EXPECT_EQ(parse_answer_items(pairs, "").value(), Items{});
  for (const char* bad : {"a", "a -> z", "a -> x\n", "a -> x\nb", " -> x", "a -> x\n\nb -> x",
                          "none\n", "\xFF -> x", "a\nb -> x"}) {
    EXPECT_FALSE(parse_answer_items(pairs, bad).ok()) << bad;
  }
  const AnswerShape one = {.item = {span()}, .max_items = 1};
  EXPECT_EQ(parse_answer_items(one, "a, b").value(), (Items{{"a, b"}}));
  EXPECT_FALSE(parse_answer_items(one, "a\nb").ok());
  const AnswerShape two = {.item = {span()}, .max_items = 2};
  EXPECT_FALSE(parse_answer_items(two, "a\nb\nc").ok());
}

}  // namespace
}  // namespace relata::generate
