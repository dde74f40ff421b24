#include "relata/base/json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "temp_folder.h"

namespace relata {
namespace {

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

std::string json_error(const std::string& text) {
  const auto value = parse_json(text, "c.json");
  if (value.ok()) return "parsed: " + value->dump();
  EXPECT_EQ(value.error().code, ErrorCode::kBadInput);
  return value.error().message;
}

std::string yaml_error(const std::string& text) {
  const auto value = parse_yaml(text, "r.yaml");
  if (value.ok()) return "parsed: " + value->dump();
  EXPECT_EQ(value.error().code, ErrorCode::kUsage);
  EXPECT_FALSE(value.error().hint.empty());
  return value.error().message;
}

Json yaml(const std::string& text) { return parse_yaml(text, "r.yaml").value(); }

TEST(ParseJson, KeepsTypesAndTheOrderOfKeys) {
  const std::string text =
      R"({"z":[1,-2,3.5,true,null,"\u00e9\ud83d\ude00"],"a":{"k":{}},"m":18446744073709551615})";
  const Json value = parse_json(text, "c.json").value();
  EXPECT_EQ(value, Json::parse(text));
  EXPECT_EQ(value.dump(),
            "{\"z\":[1,-2,3.5,true,null,\"é😀\"],\"a\":{\"k\":{}},\"m\":18446744073709551615}");
  EXPECT_EQ(parse_json(" 7 ", "c.json").value(), Json(7));
}

TEST(ParseJson, LastOfEqualKeysWins) {
  EXPECT_EQ(parse_json(R"({"a":1,"b":2,"a":[3]})", "c.json")->dump(), R"({"a":[3],"b":2})");
  std::string large = "{";
  for (int i = 0; i < 100; ++i) large += "\"k" + std::to_string(i) + "\":0,";
  const Json value = parse_json(large + R"("k50":1,"k3":{"x":2}})", "c.json").value();
  EXPECT_EQ(value.size(), 100u);
  EXPECT_EQ(value["k50"], 1);
  EXPECT_EQ(value["k3"].dump(), R"({"x":2})");
}

TEST(ParseJson, LargeObjectsTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 150000; ++i) text += "\"token" + std::to_string(i) + "\":0,";
  text += "\"end\":0}";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text, "c.json")->size(), 150001u);
  // Looking every key up among those before it takes minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(ParseJson, ErrorsNameLineColumnAndReason) {
  EXPECT_TRUE(json_error("{\n \"a\": 1,\n  \"b\" 2}").starts_with("c.json:3:7: "));
  EXPECT_TRUE(contains(json_error("{\n \"a\": 1,\n  \"b\" 2}"), "expected ':'"));
  EXPECT_TRUE(json_error("").starts_with("c.json:1:1: "));
  EXPECT_TRUE(json_error("[\"é\", x]").starts_with("c.json:1:7: "));
  EXPECT_TRUE(contains(json_error("[1] 2"), "c.json:1:5: "));
  EXPECT_TRUE(contains(json_error("[1e999]"), "number overflow"));
  EXPECT_FALSE(contains(json_error("nope"), "json.exception"));
}

TEST(ParseJson, BadBytesDoNotReachTheMessage) {
  const std::string message = json_error("[\"\xff\xfe\"]");
  EXPECT_TRUE(message.starts_with("c.json:1:"));
  EXPECT_NO_THROW((void)Json(message).dump());
  EXPECT_LT(json_error(std::string("[\"").append(100000, 'x')).size(), 300u);
}

TEST(ParseJson, HostileNestingIsAnError) {
  EXPECT_TRUE(parse_json(repeated("[", 512) + repeated("]", 512), "c.json").ok());
  EXPECT_EQ(json_error(repeated("[", 513) + repeated("]", 513)),
            "c.json:1:513: nested deeper than 512 levels");
  EXPECT_TRUE(contains(json_error(repeated("[", 5000000)), "nested deeper"));
  EXPECT_TRUE(contains(json_error(repeated("{\"a\":", 1000000)), "nested deeper"));
  EXPECT_TRUE(parse_json("[\"" + repeated("[", 600) + "\\\"[\"]", "c.json").ok());
}

TEST(JsonFiles, RoundTrip) {
  const TempFolder folder;
  const Json value = {{"b", "中文"}, {"a", {1, 2}}};
  ASSERT_TRUE(write_json(folder / "f.json", value).ok());
  EXPECT_EQ(slurp(folder / "f.json"), "{\n  \"b\": \"中文\",\n  \"a\": [\n    1,\n    2\n  ]\n}\n");
  EXPECT_EQ(read_json(folder / "f.json").value(), value);
  ASSERT_TRUE(write_json(folder / "f.json", value, -1).ok());
  EXPECT_EQ(slurp(folder / "f.json"), "{\"b\":\"中文\",\"a\":[1,2]}\n");
}

TEST(JsonFiles, BadFilesAreErrors) {
  const TempFolder folder;
  spill(folder / "f.json", "{\n]");
  EXPECT_TRUE(
      read_json(folder / "f.json").error().message.starts_with((folder / "f.json") + ":2:"));
  EXPECT_EQ(read_json(folder / "none").error().code, ErrorCode::kUsage);
  const auto status = write_json(folder / "g.json", Json("\xff"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kBadInput);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(ParseYaml, PlainScalarsHaveCoreSchemaTypes) {
  EXPECT_TRUE(yaml("1e-4").is_number_float());
  EXPECT_EQ(yaml("1e-4"), Json(1e-4));
  EXPECT_TRUE(yaml("5.0e-5").is_number_float());
  EXPECT_EQ(yaml("5.0e-5"), Json(5.0e-5));
  EXPECT_EQ(yaml("+1.5"), Json(1.5));
  EXPECT_EQ(yaml("-.5"), Json(-0.5));
  EXPECT_TRUE(yaml("3.").is_number_float());
  EXPECT_TRUE(yaml("12").is_number_integer());
  EXPECT_EQ(yaml("-7"), Json(-7));
  EXPECT_EQ(yaml("+7"), Json(7));
  EXPECT_EQ(yaml("0x1F"), Json(31));
  EXPECT_EQ(yaml("0o17"), Json(15));
  EXPECT_EQ(yaml("012"), Json(12));
  EXPECT_EQ(yaml("18446744073709551615"), Json(std::numeric_limits<uint64_t>::max()));
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_EQ(yaml(text), Json(true));
  for (const char* text : {"false", "False", "FALSE"}) EXPECT_EQ(yaml(text), Json(false));
  for (const char* text : {"null", "Null", "NULL", "~", "", "# comment"}) {
    EXPECT_TRUE(yaml(text).is_null()) << text;
  }
  EXPECT_EQ(yaml("-.inf"), Json(-std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(yaml(".nan").get<double>()));
}

TEST(ParseYaml, OtherScalarsAreStrings) {
  for (const char* text : {"yes", "off", "1e", "1_000", "1.2.3", "-", "+", ".", "e5", "0x", "0b1",
                           "nan", "inf", "1:30", "2024-01-01", "tRUE"}) {
    EXPECT_EQ(yaml(std::string("k: ") + (text[0] == '-' ? "\"-\"" : text))["k"], Json(text));
  }
  EXPECT_EQ(yaml("'1e-4'"), Json("1e-4"));
  EXPECT_EQ(yaml("\"true\""), Json("true"));
  EXPECT_EQ(yaml("!!str 12"), Json("12"));
  EXPECT_EQ(yaml("k: |\n  12\n")["k"], Json("12\n"));
  EXPECT_EQ(yaml("''"), Json(""));
}

TEST(ParseYaml, CollectionsKeepTheirOrder) {
  EXPECT_EQ(yaml("z: 1\na:\n  - x\n  - [1, 'b', {c: }]\n8: {}\n").dump(),
            R"({"z":1,"a":["x",[1,"b",{"c":null}]],"8":{}})");
  EXPECT_EQ(yaml("a: &x [1, 2]\nb: *x\n").dump(), R"({"a":[1,2],"b":[1,2]})");
}

TEST(ParseJson, ErrorsOfOneLineNameTheColumn) {
  const auto value = parse_json_line("[1,\"é\" 2]", "stdin:2");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().code, ErrorCode::kBadInput);
  EXPECT_TRUE(value.error().message.starts_with("stdin:2:8: ")) << value.error().message;
  EXPECT_EQ(parse_json_line("[1]", "stdin:2").value(), Json::parse("[1]"));
}

TEST(ParseYaml, ErrorsNameFileAndLine) {
  EXPECT_TRUE(contains(parse_yaml("a: 1\na: 2\n", "r.yaml").error().hint, "mend line 2"));
  EXPECT_EQ(yaml_error("a: 1\nb: 2\na: 3\n"), "r.yaml:3: duplicate key 'a'");
  EXPECT_EQ(yaml_error("x:\n  {a: 1, 'a': 2}\n"), "r.yaml:2: duplicate key 'a'");
  EXPECT_TRUE(yaml_error("a: 1\nb: [1, 2\n").starts_with("r.yaml:"));
  EXPECT_TRUE(yaml_error("a: 1\n b: 2\n").starts_with("r.yaml:2: "));
  EXPECT_EQ(yaml_error("a: 1\nb: 1e999\n"), "r.yaml:2: number out of range: 1e999");
  EXPECT_EQ(yaml_error("? [1]\n: 2\n"), "r.yaml:1: a key must be a string");
  EXPECT_EQ(yaml_error("a: !!set {b}\n"), "r.yaml:1: unknown tag 'tag:yaml.org,2002:set'");
  EXPECT_EQ(yaml_error("a: 1\n--- \nb: 2\n"), "r.yaml:2: more than one document");
  EXPECT_TRUE(yaml_error("a: *nowhere\n").starts_with("r.yaml:1: "));
  EXPECT_EQ(yaml_error("a: &x [*x]\n"), "r.yaml:1: alias to a value that contains it");
  EXPECT_EQ(yaml_error("a: 1\nb: \xff\n"), "r.yaml:2:4: not valid UTF-8");
}

TEST(ParseYaml, HostileInputIsAnError) {
  EXPECT_TRUE(parse_yaml(repeated("[", 400) + repeated("]", 400), "r.yaml").ok());
  const std::string deep = "nested deeper than 512 levels";
  EXPECT_EQ(yaml_error(repeated("[", 600) + repeated("]", 600)), "r.yaml:1: " + deep);
  EXPECT_EQ(yaml_error(repeated("{a: ", 600) + repeated("}", 600)), "r.yaml:1: " + deep);
  EXPECT_EQ(yaml_error(repeated("- ", 100000)), "r.yaml:1: " + deep);
  for (const char* part : {"[", "{", "{a: ", "? ", "[{", "!", "&a ", "*a", "|", "\"\\", ": "}) {
    EXPECT_TRUE(yaml_error(repeated(part, 20000)).starts_with("r.yaml:")) << part;
  }
  std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
            repeated(alias + " , ", 9) + alias + " ]\n";
  }
  EXPECT_TRUE(contains(yaml_error(bomb), "too much data"));
  std::string ladder = "a0: &a0 [x]\n";
  for (int i = 1; i < 600; ++i) {
    ladder += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
              std::to_string(i - 1) + " ]\n";
  }
  EXPECT_TRUE(contains(yaml_error(ladder), "nested deeper"));
}

TEST(ToYaml, ReadsBackAsTheSameValue) {
  const Json value = parse_json(R"({
    "name": "finre", "rate": 1e-5, "one": 1.0, "count": 3, "none": null, "flag": false,
    "quoted": ["yes", "1e-4", "null", "", " x ", "a: b", "# c", "- d", "0x1F", "line\nbreak",
               "tab\t\"q\" \\", "关系", "\u007f\u0001", "a b"],
    "empty": {"list": [], "map": {}, "nested": [[1, 2], [{"k": [3]}], []]},
    "1": {"on": 1, "a.b": 2, "": 3, "x: y": 4}})",
                                "c.json")
                         .value();
  const std::string text = to_yaml(value);
  EXPECT_EQ(yaml(text), value) << text;
  EXPECT_EQ(to_yaml(Json({{"a", "x y"}, {"b", {1e-4, "2"}}})),
            "a: x y\nb:\n  - 0.0001\n  - \"2\"\n");
  EXPECT_EQ(to_yaml(Json("x")), "x\n");
  EXPECT_EQ(to_yaml(Json(-std::numeric_limits<double>::infinity())), "-.inf\n");
}

TEST(ToYaml, WritesKeysOfAnyLength) {
  for (const size_t length : {1000, 1024, 1025, 5000}) {
    const std::string key(length, '#');
    const Json value = {{key, {{"a", 1}}}, {"list", {{{key, "b"}}}}};
    const auto again = parse_yaml(to_yaml(value), "again");
    ASSERT_TRUE(again.ok()) << length << ": " << again.error().message;
    EXPECT_EQ(*again, value) << length;
  }
}

TEST(ApplyOverride, SetsTypedAndNestedValues) {
  Json value = {{"a", {{"b", 1}}}, {"keep", true}};
  for (const char* assignment : {"a.b=3", "a.c.d=1e-4", "list=[a,b, 3]", "map={k: v}", "s='7'",
                                 "note=x: y # z", "eq=a=b", "flag=false", "keep=", "p = 5"}) {
    const auto status = apply_override(value, assignment);
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  EXPECT_EQ(value.dump(), R"({"a":{"b":3,"c":{"d":0.0001}},"keep":null,"list":["a","b",3],)"
                          R"("map":{"k":"v"},"s":"7","note":"x: y # z","eq":"a=b","flag":false,)"
                          R"("p":5})");
  Json empty;
  ASSERT_TRUE(apply_override(empty, "x.y=1").ok());
  EXPECT_EQ(empty.dump(), R"({"x":{"y":1}})");
}

TEST(ApplyOverride, BadAssignmentsChangeNothing) {
  Json value = {{"a", 1}, {"list", {1, 2}}};
  const Json before = value;
  for (const char* assignment : {"", "a", "=1", "a..b=1", ".a=1", "a.=1", "a.b=1", "list.x=1",
                                 "new.deep=[1", "a=[1]x", "a=1e999", "a='x"}) {
    const auto status = apply_override(value, assignment);
    ASSERT_FALSE(status.ok()) << assignment;
    EXPECT_EQ(status.error().code, ErrorCode::kUsage);
    EXPECT_TRUE(contains(status.error().message, assignment)) << status.error().message;
    EXPECT_EQ(value, before) << assignment;
  }
}

}  // namespace
}  // namespace relata
