#include "relata/extract/template.h"

#include <gtest/gtest.h>

#include "fake_engine.h"

namespace relata::extract {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

PairTemplate spans_template() {
  PairTemplate out;
  out.name = "test";
  out.marking = "spans";
  out.markers = {"<h>", "</h>", "<t>", "</t>"};
  out.prompt = "{sentence}";
  return out;
}

std::string marked(const std::string& text, const std::vector<text::ByteRange>& head,
                   const std::vector<text::ByteRange>& tail) {
  Document document = make_document("d", text, {"h", "t"});
  document.entities[0].mentions = head;
  document.entities[1].mentions = tail;
  return render_prompt(spans_template(), company_schema(), {&document, 0, 1}).value().text;
}

TEST(Template, EveryBuiltinRendersAndItsAnswersParseBack) {
  const data::Schema schema = company_schema();
  const Document document = make_document("d", "甲拥有乙,也拥有丙。", {"甲", "乙", "丙"});
  for (const std::string& name : builtin_pair_template_names()) {
    SCOPED_TRACE(name);
    const PairTemplate pair_template = builtin_pair_template(name).value();
    EXPECT_EQ(pair_template.name, name);
    const auto prompt = render_prompt(pair_template, schema, {&document, 0, 1});
    ASSERT_TRUE(prompt.ok());
    EXPECT_NE(prompt->text.find("甲"), std::string::npos);
    EXPECT_NE(prompt->text.find("乙"), std::string::npos);
    Strings all;
    for (const auto& type : schema.relation_types) {
      const std::string answer = render_answer(pair_template, schema, document, 0, 1, {type.id});
      const ParsedAnswer parsed = parse_answer(pair_template, schema, document, 0, 1, answer);
      EXPECT_EQ(parsed.labels, Strings{type.id});
      EXPECT_EQ(parsed.problem, "");
      all.push_back(type.id);
    }
    const std::string answer = render_answer(pair_template, schema, document, 0, 1, all);
    EXPECT_EQ(parse_answer(pair_template, schema, document, 0, 1, answer).labels, all);
    const PairTemplate again = parse_pair_template(pair_template_yaml(pair_template), "t").value();
    EXPECT_EQ(again.name, pair_template.name);
    EXPECT_EQ(again.instruction, pair_template.instruction);
    EXPECT_EQ(again.marking, pair_template.marking);
    EXPECT_EQ(again.markers, pair_template.markers);
    EXPECT_EQ(again.prompt, pair_template.prompt);
    EXPECT_EQ(again.answer, pair_template.answer);
    EXPECT_EQ(again.joiner, pair_template.joiner);
  }
}

TEST(Template, CreLlmLayout) {
  PairTemplate pair_template = builtin_pair_template("cre-llm-zh").value();
  pair_template.instruction = "I";
  const data::Schema schema = company_schema();
  const Document document = make_document("d", "甲拥有乙,甲好", {"甲", "乙"});
  EXPECT_EQ(render_prompt(pair_template, schema, {&document, 0, 1})->text,
            "I\n[甲]拥有[乙],[甲]好 ([甲],?,[乙])");
  EXPECT_EQ(render_answer(pair_template, schema, document, 0, 1, {"拥有", "unknown", "拥有"}),
            "([甲],拥有,[乙]),([甲],无关系,[乙]),([甲],拥有,[乙])");
}

TEST(Template, RewritingKeepsTheOriginalsOverlaps) {
  PairTemplate pair_template = spans_template();
  pair_template.marking = "rewrite";
  pair_template.markers = {"[", "]", "[", "]"};
  auto text_of = [&](const Document& document) {
    return render_prompt(pair_template, company_schema(), {&document, 0, 1})->text;
  };
  EXPECT_EQ(text_of(make_document("d", "甲银行", {"甲银行", "甲"})), "[[甲]银行]");
  EXPECT_EQ(text_of(make_document("d", "甲银行", {"甲", "甲银行"})), "[甲]银行");
  EXPECT_EQ(text_of(make_document("d", "甲", {"甲", "甲"})), "[[甲]]");
}

TEST(Template, SpansNest) {
  EXPECT_EQ(marked("abcdef", {{0, 2}}, {{3, 5}}), "<h>ab</h>c<t>de</t>f");
  EXPECT_EQ(marked("abcdef", {{0, 2}}, {{2, 4}}), "<h>ab</h><t>cd</t>ef");
  EXPECT_EQ(marked("abcdef", {{1, 2}}, {{0, 4}}), "<t>a<h>b</h>cd</t>ef");
  EXPECT_EQ(marked("abcdef", {{0, 4}}, {{0, 2}}), "<h><t>ab</t>cd</h>ef");
  EXPECT_EQ(marked("abcdef", {{2, 4}}, {{0, 4}}), "<t>ab<h>cd</h></t>ef");
  EXPECT_EQ(marked("abcdef", {{1, 3}}, {{1, 3}}), "a<h><t>bc</t></h>def");
  EXPECT_EQ(marked("abcdef", {}, {{0, 6}}), "<t>abcdef</t>");
}

TEST(Template, CrossingSpansAreClosedAndOpenedAgain) {
  EXPECT_EQ(marked("abcdef", {{0, 4}}, {{2, 6}}), "<h>ab<t>cd</t></h><t>ef</t>");
  EXPECT_EQ(marked("abcdef", {{2, 6}}, {{0, 4}}), "<t>ab<h>cd</h></t><h>ef</h>");
  EXPECT_EQ(marked("abcdef", {{0, 3}, {3, 6}}, {{2, 5}}), "<h>ab<t>c</t></h><h><t>de</t>f</h>");
}

TEST(Template, SpansOfOneEntityOverlapToo) {
  EXPECT_EQ(marked("abcd", {{0, 4}, {1, 2}, {1, 2}}, {}), "<h>a<h>b</h>cd</h>");
}

TEST(Template, BadMentionsAreLeftUnmarked) {
  EXPECT_EQ(marked("abcd", {{2, 2}, {3, 9}}, {{0, 1}}), "<t>a</t>bcd");
}

TEST(Template, SentenceFirstSharesItsPrefixAmongPairs) {
  const data::Schema schema = company_schema();
  const Document document = make_document("d", "甲拥有乙,也拥有丙。", {"甲", "乙", "丙"});
  for (const std::string name : {"sentence-first-zh", "sentence-first-en"}) {
    const PairTemplate pair_template = builtin_pair_template(name).value();
    const auto first = render_prompt(pair_template, schema, {&document, 0, 1}).value();
    const auto second = render_prompt(pair_template, schema, {&document, 2, 1}).value();
    EXPECT_EQ(first.shared, second.shared);
    EXPECT_GT(first.shared, document.text.size());
    EXPECT_EQ(first.text.substr(0, first.shared), second.text.substr(0, first.shared));
    EXPECT_EQ(first.text.substr(first.shared, 3), "甲");
  }
  for (const std::string name : {"cre-llm-zh", "marked"}) {
    const PairTemplate pair_template = builtin_pair_template(name).value();
    EXPECT_EQ(render_prompt(pair_template, schema, {&document, 0, 1})->shared, 0u);
  }
}

TEST(Template, PlaceholdersAndBraces) {
  PairTemplate pair_template = spans_template();
  pair_template.marking = "none";
  pair_template.prompt = "{{{head}}} of {relations}";
  const Document document = make_document("d", "x", {"{tail}", "y"});
  EXPECT_EQ(render_prompt(pair_template, company_schema(), {&document, 0, 1})->text,
            "{{tail}} of 无关系, 拥有, 被拥有, crosses");
  for (const std::string bad : {"{haed}", "{", "}", "{head", "{relation}"}) {
    pair_template.prompt = bad;
    EXPECT_FALSE(render_prompt(pair_template, company_schema(), {&document, 0, 1}).ok()) << bad;
  }
}

TEST(Template, ErrorsNameFileAndKey) {
  auto error = [](const std::string& yaml) { return parse_pair_template(yaml, "p.yaml").error(); };
  EXPECT_NE(error("prompt: \"{sentense}\"").message.find("p.yaml: prompt"), std::string::npos);
  EXPECT_NE(error("prompt: \"{sentense}\"").hint.find("{sentence}"), std::string::npos);
  EXPECT_NE(error("promt: x").message.find("promt"), std::string::npos);
  EXPECT_NE(error("name: x").message.find("prompt is missing"), std::string::npos);
  EXPECT_NE(error("prompt: x\nmarkers: [a]").message.find("markers"), std::string::npos);
  EXPECT_NE(error("prompt: x\nmarking: foo").message.find("marking"), std::string::npos);
  EXPECT_NE(error("prompt: x\nanswer: foo").message.find("answer"), std::string::npos);
  EXPECT_NE(error("- x").message.find("p.yaml"), std::string::npos);
  const auto unknown = builtin_pair_template("cre-lm-zh");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().hint.find("cre-llm-zh"), std::string::npos);
}

class ParseAnswer : public testing::Test {
 protected:
  ParsedAnswer parse(const std::string& answer) const {
    return parse_answer(pair_template_, schema_, document_, 0, 1, answer);
  }
  PairTemplate pair_template_ = builtin_pair_template("cre-llm-zh").value();
  data::Schema schema_ = company_schema();
  Document document_ = make_document("d", "甲拥有乙", {"甲", "乙"});
};

TEST_F(ParseAnswer, OneAndTwoTriples) {
  EXPECT_EQ(parse("([甲],拥有,[乙])").labels, Strings{"拥有"});
  const ParsedAnswer two = parse("([甲],crosses,[乙]),([甲],拥有,[乙])");
  EXPECT_EQ(two.labels, (Strings{"P177", "拥有"}));
  EXPECT_EQ(two.problem, "");
}

TEST_F(ParseAnswer, RepeatedLabelsAreDropped) {
  EXPECT_EQ(parse("([甲],拥有,[乙]),([甲],拥有,[乙])").labels, Strings{"拥有"});
}

TEST_F(ParseAnswer, AnythingElseIsAProblem) {
  for (const std::string bad :
       {"", "这两家公司没有关系。", "[", "([甲],拥有,[乙]", "([甲],拥有,[丙])", "([甲],投资,[乙])",
        " ([甲],拥有,[乙])", "拥有"}) {
    EXPECT_TRUE(parse(bad).labels.empty()) << bad;
    EXPECT_NE(parse(bad).problem, "") << bad;
  }
}

TEST_F(ParseAnswer, LabelsBeforeAProblemAreKept) {
  for (const std::string tail : {",", "。", ",([甲],", "([甲],被拥有,[乙])"}) {
    const ParsedAnswer parsed = parse("([甲],crosses,[乙]),([甲],拥有,[乙])" + tail);
    EXPECT_NE(parsed.problem, "") << tail;
    EXPECT_EQ(parsed.labels.front(), "P177") << tail;
  }
}

TEST_F(ParseAnswer, LongerLabelsWinAndAnEmptyJoinerWorks) {
  pair_template_.answer = "{relation}";
  pair_template_.joiner = "";
  schema_.relation_types[2].name = "拥有者";
  EXPECT_EQ(parse("拥有者").labels, Strings{"被拥有"});
  EXPECT_EQ(parse("拥有者拥有").labels, (Strings{"被拥有", "拥有"}));
}

TEST(Template, AnswerWithoutLabelsIsNegative) {
  const PairTemplate pair_template = builtin_pair_template("marked").value();
  const Document document = make_document("d", "甲乙", {"甲", "乙"});
  EXPECT_EQ(render_answer(pair_template, company_schema(), document, 0, 1, {}), "<rel:无关系>");
  EXPECT_EQ(render_answer(pair_template, {}, document, 0, 1, {}), "");
  EXPECT_EQ(render_answer(pair_template, company_schema(), document, 0, 1, {"new"}), "<rel:new>");
}

TEST(Template, Symbols) {
  EXPECT_EQ(template_symbols(builtin_pair_template("marked").value(), company_schema()),
            (Strings{"<h>", "</h>", "<t>", "</t>", "<rel:无关系>", "<rel:拥有>", "<rel:被拥有>",
                     "<rel:crosses>"}));
  EXPECT_TRUE(
      template_symbols(builtin_pair_template("cre-llm-zh").value(), company_schema()).empty());
}

TEST(Template, MarkedPrompt) {
  const PairTemplate pair_template = builtin_pair_template("marked").value();
  const Document document = make_document("d", "甲拥有乙", {"甲", "乙"});
  EXPECT_EQ(render_prompt(pair_template, company_schema(), {&document, 0, 1})->text,
            "<h>甲</h><t>乙</t><h>甲</h>拥有<t>乙</t><h>甲</h><t>乙</t>");
}

}  // namespace
}  // namespace relata::extract
