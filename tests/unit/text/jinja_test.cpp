#include "relata/text/jinja.h"

#include <gtest/gtest.h>

namespace relata::text {
namespace {

Result<JinjaOutput> run(const std::string& source, const Json& variables = Json::object(),
                        const JinjaLimits& limits = {}) {
  auto parsed = JinjaTemplate::parse(source, "t.jinja", limits);
  if (!parsed.ok()) return parsed.error();
  return parsed->render(variables);
}

std::string text(const std::string& source, const Json& variables = Json::object()) {
  const auto out = run(source, variables);
  return out.ok() ? out.value().text : "error: " + out.error().message;
}

std::string error(const std::string& source, const Json& variables = Json::object(),
                  const JinjaLimits& limits = {}) {
  const auto out = run(source, variables, limits);
  return out.ok() ? "no error: " + out.value().text : out.error().message;
}

TEST(Jinja, PrintsAsPythonDoes) {
  EXPECT_EQ(text("{{ 1 }} {{ 2.0 }} {{ true }} {{ none }} {{ 'a' }}"), "1 2.0 True None a");
  EXPECT_EQ(text("{{ [1, 'x', {'k': (1,)}] }}"), "[1, 'x', {'k': (1,)}]");
  EXPECT_EQ(text("{{ [\"it's\", 'a\\n', '\\u2028'] }}"), "[\"it's\", 'a\\n', '\\u2028']");
  EXPECT_EQ(text("{{ 1e16 }} {{ 0.1 + 0.2 }} {{ 1e15 }}"),
            "1e+16 0.30000000000000004 1000000000000000.0");
  EXPECT_EQ(text("[{{ missing }}]"), "[]");
}

TEST(Jinja, CalculatesAsPythonDoes) {
  EXPECT_EQ(text("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }}"), "-4 2 3.5 1024");
  EXPECT_EQ(text("{{ 1 < 2 < 3 }} {{ 'b' in 'abc' }} {{ 0 or 'x' }} {{ 1 == true }}"),
            "True True x True");
  EXPECT_EQ(text("{{ 'héllo'[1:3] }} {{ [1, 2, 3][::-1] }} {{ 'abc'[-1] }}"), "él [3, 2, 1] c");
}

TEST(Jinja, RoundsIntegersAsPythonDoes) {
  EXPECT_EQ(text("{{ 25 | round(-1) }} {{ 35 | round(-1) }} {{ -15 | round(-1) }} {{ 7 | round }}"),
            "20 40 -20 7");
  EXPECT_EQ(text("{{ 9007199254740993 | round(-1) }} {{ 123 | round(-400) }}"),
            "9007199254740990 0");
  EXPECT_EQ(text("{{ 9223372036854775807 | round(-18) }}"), "9000000000000000000");
  EXPECT_NE(error("{{ 9223372036854775807 | round(-1) }}").find("64 bits"), std::string::npos);
}

TEST(Jinja, TakesWhitespaceAwayAsTransformersSets) {
  EXPECT_EQ(text("  {% if true %}\n  a\n  {% endif %}\nb\n"), "  a\nb");
  EXPECT_EQ(text("a \n{%- if true -%}\n b {% endif %}"), "ab ");
  EXPECT_EQ(text("x\n  {%+ if true %}y{% endif %}"), "x\n  y");
  EXPECT_EQ(text("{% raw %}{{ a }}{% endraw %}{# no #}|"), "{{ a }}|");
}

TEST(Jinja, KeepsScopesApart) {
  EXPECT_EQ(text("{% set x = 1 %}{% for i in [1, 2] %}{% set x = 9 %}{% endfor %}{{ x }}"), "1");
  EXPECT_EQ(text("{% if true %}{% set x = 2 %}{% endif %}{{ x }}"), "2");
  EXPECT_EQ(text("{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}"
                 "{% endfor %}{{ ns.n }}"),
            "6");
  EXPECT_EQ(text("{% macro f(a, b=a) %}{{ a }}{{ b }}{{ x }}{% endmacro %}{% set x = 5 %}"
                 "{{ f(1) }}{{ f(1, b=2) }}"),
            "115125");
}

TEST(Jinja, LoopsWithItsVariables) {
  EXPECT_EQ(
      text("{% for x in 'ab' %}{{ loop.index }}{{ loop.last }}{{ loop.length }};{% endfor %}"),
      "1False2;2True2;");
  EXPECT_EQ(text("{% for x in range(6) if x is odd %}{{ x }}{{ loop.revindex }} {% endfor %}"),
            "13 32 51 ");
  EXPECT_EQ(text("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}"
                 "{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}"),
            "023");
  EXPECT_EQ(text("{% for k, v in d.items() %}{{ k }}={{ v }} {% else %}-{% endfor %}",
                 {{"d", {{"b", 1}, {"a", 2}}}}),
            "b=1 a=2 ");
}

TEST(Jinja, WritesJsonAsTransformersDoes) {
  const Json variables = {{"v", {{"é", {1, 2.5, nullptr}}, {"<", "\"\n"}}}};
  EXPECT_EQ(text("{{ v | tojson }}", variables), R"({"é": [1, 2.5, null], "<": "\"\n"})");
  EXPECT_EQ(text("{{ v['é'] | tojson(indent=2) }}", variables), "[\n  1,\n  2.5,\n  null\n]");
  EXPECT_EQ(text("{{ 'é😀' | tojson(ensure_ascii=true) }}"), R"("\u00e9\ud83d\ude00")");
}

TEST(Jinja, MarksWhatTheModelWrote) {
  const auto out =
      run("é{% generation %}ab{% endgeneration %}c{% generation %}d{% endgeneration %}");
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(out.value().text, "éabcd");
  const std::vector<ByteRange> wanted = {{2, 4}, {5, 6}};
  EXPECT_EQ(out.value().generated, wanted);
}

TEST(Jinja, TellsTheTimeItIsGiven) {
  const auto parsed = JinjaTemplate::parse("{{ strftime_now('%d %B %Y') }}", "t");
  ASSERT_TRUE(parsed.ok());
  std::tm now{};
  now.tm_year = 124;
  now.tm_mon = 6;
  now.tm_mday = 26;
  EXPECT_EQ(parsed.value().render(Json::object(), now).value().text, "26 July 2024");
}

TEST(Jinja, SaysWhereAndWhy) {
  EXPECT_EQ(error("a\n  {{ missing.x }}"), "t.jinja:2:13: 'missing' is undefined");
  EXPECT_EQ(error("é{{ raise_exception('no') }}"),
            "t.jinja:1:20: the template refuses this chat: no");
  EXPECT_EQ(error("{% if x %}"), "t.jinja:1:11: the template ends before '{% endif %}'");
  EXPECT_EQ(error("{{ 1 + }}"), "t.jinja:1:8: expected an expression, found '}}'");
  EXPECT_EQ(error("{% include 'x' %}"),
            "t.jinja:1:4: the tag 'include' is not supported in a chat template");
  EXPECT_EQ(error("{{ 'a' + 1 }}"),
            "t.jinja:1:8: unsupported operand types for +: 'str' and 'int'");
  EXPECT_EQ(error("{{ m.append(1) }}", {{"m", Json::array()}}).find("t.jinja:1:12: access to"), 0u);
  EXPECT_EQ(error("\xff").find("t.jinja: not valid UTF-8"), 0u);
  const auto unknown = run("{{ 'a' | uper }}");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kBadInput);
  EXPECT_EQ(unknown.error().hint, "did you mean 'upper'?");
}

// A template is foreign code: it may not run on, fill the memory or overrun the stack.
TEST(Jinja, EndsWhatDoesNotEnd) {
  const std::string nested =
      "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}"
      "{% endfor %}{% endfor %}";
  EXPECT_NE(error(nested).find("too much work"), std::string::npos);
  const std::string doubling =
      "{% set ns = namespace(x='ab') %}{% for i in range(90) %}"
      "{% set ns.x = ns.x ~ ns.x %}{% endfor %}";
  EXPECT_NE(error(doubling).find("too much work"), std::string::npos);
  EXPECT_NE(error("{{ 'a' * 9000000000000 }}").find("too much work"), std::string::npos);
  EXPECT_NE(error("{{ ['abc' * 99] * 9223372036854775807 }}").find("too much work"),
            std::string::npos);
  EXPECT_NE(error("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").find("too deeply"),
            std::string::npos);
  const std::string wrapping =
      "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}"
      "{% set ns.x = [ns.x] %}{% endfor %}";
  EXPECT_NE(error(wrapping).find("nested more than"), std::string::npos);
  const std::string shared =
      "{% set ns = namespace(x=[1]) %}{% for i in range(90) %}"
      "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}";
  EXPECT_NE(error(shared).find("too much work"), std::string::npos);
  EXPECT_NE(
      error("{{ " + std::string(9000, '(') + "1" + std::string(9000, ')') + " }}").find("deep"),
      std::string::npos);
  std::string chain = "{{ 1";
  for (int i = 0; i < 9000; ++i) chain += "+1";
  EXPECT_NE(error(chain + " }}").find("levels"), std::string::npos);
  // Work that is not of nodes: these are quick to refuse with few steps.
  const auto ends = [](const std::string& source) {
    return error(source, Json::object(), {.steps = 500'000}).find("too much work") !=
           std::string::npos;
  };
  EXPECT_TRUE(ends("{{ ('%(a).9999d' * 300000) % {'a': 1} }}"));
  for (const std::string cut : {"split('a')", "split()", "splitlines()"}) {
    EXPECT_TRUE(ends("{{ ('a \\n' * 450000)." + cut + " | length }}")) << cut;
  }
  std::string names;
  for (int i = 0; i < 50'000; ++i) names += "{% set n" + std::to_string(i) + "=1 %}";
  EXPECT_TRUE(ends(names));
  std::string path = "a";
  for (int i = 0; i < 400'000; ++i) path += ".a";
  EXPECT_TRUE(ends("{{ range(1000) | map(attribute='" + path + "', default=1) | list }}"));
  EXPECT_NE(error("{{ 'a' * 999 }}", Json::object(), {.output_bytes = 100}).find("100 bytes"),
            std::string::npos);
}

TEST(Jinja, LetsGoOfWhatHoldsItself) {
  EXPECT_EQ(text("{% set ns = namespace() %}{% set ns.me = ns %}"
                 "{% for i in [1] %}{% set ns.loop = loop %}{{ loop.changed(loop) }}{% endfor %}"
                 "{% macro f() %}{{ f }}{% endmacro %}{{ ns.me.me is defined }}"),
            "TrueTrue");
}

}  // namespace
}  // namespace relata::text
