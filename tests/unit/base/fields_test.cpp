#include "relata/base/fields.h"

#include <gtest/gtest.h>

#include "temp_folder.h"

namespace relata {
namespace {

Json yaml(const std::string& text) { return parse_yaml(text, "test").value(); }

// The message of the one field read as `T` from `text`.
template <class T>
std::string message_for(const std::string& text, T out = {}) {
  const Json json = yaml(text);
  Fields fields(json, "r.yaml");
  fields.get("k", out);
  const auto status = fields.finish();
  if (status.ok()) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  return status.error().message;
}

// The message of a number that is read within limits.
template <class T>
std::string range_message(const std::string& text, const NumberRange& range) {
  const Json json = yaml(text);
  Fields fields(json, "r.yaml");
  T out{};
  fields.get("k", out, range);
  const auto status = fields.finish();
  return status.ok() ? "" : status.error().message;
}

TEST(Fields, RefusesNumbersOutsideTheirRange) {
  const auto share = NumberRange::between(0, 1);
  EXPECT_EQ(range_message<double>("k: 0", share), "");
  EXPECT_EQ(range_message<double>("k: 1", share), "");
  EXPECT_EQ(range_message<double>("k: 1.5", share),
            "r.yaml: 'k' must be a number from 0 to 1, not 1.5");
  EXPECT_EQ(range_message<double>("k: x", share),
            "r.yaml: 'k' must be a number from 0 to 1, not \"x\"");
  EXPECT_EQ(range_message<double>("k: 1", NumberRange::below(0, 1)),
            "r.yaml: 'k' must be a number of at least 0 and below 1, not 1");
  EXPECT_EQ(range_message<double>("k: 0", NumberRange::above(0)),
            "r.yaml: 'k' must be a number above 0, not 0");
  EXPECT_EQ(range_message<int64_t>("k: 0", NumberRange::at_least(1)),
            "r.yaml: 'k' must be an integer of at least 1, not 0");
  EXPECT_EQ(range_message<int>("k: 65537", NumberRange::between(1, 65536)),
            "r.yaml: 'k' must be an integer from 1 to 65536, not 65537");
  EXPECT_EQ(range_message<int>("k: 65536", NumberRange::between(1, 65536)), "");
  EXPECT_NE(range_message<double>("k: -1", NumberRange::between(0, 0x1p53))
                .find("from 0 to 9007199254740992,"),
            std::string::npos);
}

TEST(Fields, RefusesNumbersThatAreNotFinite) {
  for (const char* number : {".inf", "-.inf", ".nan"}) {
    const std::string text = std::string("k: ") + number;
    const std::string wanted = "r.yaml: 'k' must be a finite number, not " + std::string(number);
    EXPECT_EQ(message_for<double>(text), wanted);
    EXPECT_EQ(range_message<double>(text, NumberRange::at_least(0)), wanted);
    EXPECT_EQ(message_for<int64_t>(text),
              "r.yaml: 'k' must be an integer, not " + std::string(number));
  }
}

TEST(Fields, ReadsEveryType) {
  const Json json = yaml(
      "flag: true\nint: 1e3\nlarge: 9000000000\nrate: 1\nname: 7\nlist: [q_proj, 8]\n"
      "commas: ' a, b ,,c'\nany: {x: 1}\nnothing:\n");
  bool flag = false;
  int number = 0, nothing = 5, missing = 6;
  int64_t large = 0;
  double rate = 0;
  std::string name;
  std::vector<std::string> list, commas;
  Json any;
  Fields fields(json, "r.yaml");
  fields.get("flag", flag);
  fields.get("int", number);
  fields.get("large", large);
  fields.get("rate", rate);
  fields.get("name", name);
  fields.get("list", list);
  fields.get("commas", commas);
  fields.get("any", any);
  fields.get("nothing", nothing);
  fields.get("missing", missing);
  EXPECT_TRUE(fields.has("rate"));
  EXPECT_FALSE(fields.has("nothing"));
  ASSERT_TRUE(fields.finish().ok());
  EXPECT_TRUE(flag);
  EXPECT_EQ(number, 1000);
  EXPECT_EQ(large, 9000000000);
  EXPECT_EQ(rate, 1.0);
  EXPECT_EQ(name, "7");
  EXPECT_EQ(list, (std::vector<std::string>{"q_proj", "8"}));
  EXPECT_EQ(commas, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(any.dump(), R"({"x":1})");
  EXPECT_EQ(nothing, 5);
  EXPECT_EQ(missing, 6);
}

TEST(Fields, WrongTypesAreNamed) {
  EXPECT_EQ(message_for<bool>("k: 'yes'"), "r.yaml: 'k' must be true or false, not \"yes\"");
  EXPECT_EQ(message_for<int>("k: 1.5"), "r.yaml: 'k' must be an integer, not 1.5");
  EXPECT_EQ(message_for<int>("k: 3000000000"),
            "r.yaml: 'k' must be an integer of at most 32 bits, not 3000000000");
  EXPECT_NE(message_for<int64_t>("k: 18446744073709551615"), "");
  EXPECT_NE(message_for<int64_t>("k: .nan"), "");
  EXPECT_NE(message_for<int64_t>("k: 1e300"), "");
  EXPECT_EQ(message_for<double>("k: '1e-4'"), "r.yaml: 'k' must be a number, not \"1e-4\"");
  EXPECT_EQ(message_for<std::string>("k: [a]"), "r.yaml: 'k' must be a string, not [\"a\"]");
  EXPECT_NE(message_for<std::vector<std::string>>("k: [a, [b]]"), "");
  EXPECT_EQ(message_for<int>("[1]"), "r.yaml: named fields wanted, not [1]");
  EXPECT_LT(message_for<int>("k: " + std::string(5000, 'x')).size(), 200u);
}

TEST(Fields, UnknownKeysSuggestTheNearest) {
  const Json json = yaml("lerning_rate: 1\n");
  double rate = 0;
  Fields fields(json, "recipes/x.yaml");
  fields.get("learning_rate", rate);
  const auto status = fields.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  EXPECT_EQ(status.error().message, "recipes/x.yaml: unknown key 'lerning_rate'");
  EXPECT_EQ(status.error().hint, "did you mean 'learning_rate'?");
}

TEST(Fields, IgnoredKeysAreKnown) {
  const Json json = yaml("a: 1\n");
  Fields fields(json, "r.yaml");
  fields.ignore("a");
  EXPECT_TRUE(fields.finish().ok());
}

TEST(Fields, TheFirstProblemIsReported) {
  const Json json = yaml("a: x\nb: y\nc: 1\n");
  int number = 0;
  Fields fields(json, "r.yaml");
  fields.get("a", number);
  fields.get("b", number);
  EXPECT_TRUE(contains(fields.finish().error().message, "'a'"));
}

TEST(Fields, ChoicesAreChecked) {
  const Json json = yaml("s: cosin\n");
  std::string out = "linear";
  Fields fields(json, "r.yaml");
  fields.get_choice("s", out, {"cosine", "linear"});
  const auto status = fields.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "r.yaml: 's' must be one of cosine, linear, not \"cosin\"");
  EXPECT_EQ(status.error().hint, "did you mean 'cosine'?");
  EXPECT_EQ(out, "linear");
}

TEST(Fields, AliasesStandForTheirKey) {
  const Json old_name = yaml("lr: 2\n"), both = yaml("lr: 2\nlearning_rate: 3\n");
  double rate = 0;
  Fields fields(old_name, "r.yaml");
  fields.alias("lr", "learning_rate");
  EXPECT_TRUE(fields.has("learning_rate"));
  fields.get("learning_rate", rate);
  ASSERT_TRUE(fields.finish().ok());
  EXPECT_EQ(rate, 2);
  Fields twice(both, "r.yaml");
  twice.alias("lr", "learning_rate");
  twice.get("learning_rate", rate);
  const auto status = twice.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "r.yaml: 'lr' and 'learning_rate' are the same setting");
}

TEST(NearestName, FindsTyposOnly) {
  const std::vector<std::string> names = {"learning_rate", "lora_rank", "seed", "lr"};
  EXPECT_EQ(nearest_name("learnign_rate", names), "learning_rate");
  EXPECT_EQ(nearest_name("Learning-Rate", names), "learning_rate");
  EXPECT_EQ(nearest_name("sed", names), "seed");
  EXPECT_EQ(nearest_name("lora_rnk", names), "lora_rank");
  EXPECT_EQ(nearest_name("banana", names), std::nullopt);
  EXPECT_EQ(nearest_name("ab", names), std::nullopt);
  EXPECT_EQ(nearest_name("", names), std::nullopt);
  EXPECT_EQ(nearest_name("seed", {}), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(1000000, 'x'), names), std::nullopt);
}

}  // namespace
}  // namespace relata
