#include "relata/data/schema.h"

#include <gtest/gtest.h>

#include "../base/temp_folder.h"
#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

const std::string kShipped = RELATA_TEST_FILES "/../../schemas/";

Schema read_sample() {
  auto schema = read_schema(RELATA_TEST_FILES "/data/schema.json");
  EXPECT_TRUE(schema.ok()) << schema.error().message;
  return schema.ok() ? *schema : Schema{};
}

std::vector<std::string> lines(const std::vector<SchemaProblem>& problems) {
  std::vector<std::string> out;
  for (const SchemaProblem& problem : problems) {
    out.push_back((problem.is_warning ? "warning: " : "") + problem.place + ": " + problem.message);
  }
  return out;
}

TEST(Schema, ReadsAndWritesTheSame) {
  const Schema schema = read_sample();
  EXPECT_EQ(schema.find("owns"), 1);
  EXPECT_EQ(schema.find("nothing"), -1);
  EXPECT_EQ(schema.negative(), 3);
  ASSERT_EQ(schema.entity_types.size(), 2u);
  EXPECT_EQ(schema.entity_types[1].description, "A place.");
  ASSERT_TRUE(schema.relation_types[2].example.has_value());
  EXPECT_EQ(schema.relation_types[2].example->head, "boat");
  ASSERT_EQ(schema.event_types.size(), 1u);
  EXPECT_EQ(schema.event_types[0].roles[0].types, std::vector<std::string>{"PER"});
  EXPECT_EQ(lines(validate_schema(schema)), std::vector<std::string>{});
  const auto again = schema_from_json(schema_to_json(schema), "again");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(schema_to_json(*again), schema_to_json(schema));
}

TEST(Schema, PlainListsOfNamesAreKept) {
  const Json json = Json::parse(
      R"({"entity_types":["PER","LOC"],"relation_types":[],"event_types":[{"id":"e","name":"e","roles":["a","b"]}]})");
  const auto schema = schema_from_json(json, "s.json");
  ASSERT_TRUE(schema.ok()) << schema.error().message;
  EXPECT_EQ(schema->entity_types[1].id, "LOC");
  EXPECT_EQ(schema->entity_types[1].name, "LOC");
  EXPECT_EQ(schema->event_types[0].roles[1].id, "b");
  EXPECT_EQ(schema_to_json(*schema), json);
  const auto in_one = schema_from_json(Json::parse(R"({"entity_types":"PER, LOC"})"), "s.json");
  ASSERT_TRUE(in_one.ok()) << in_one.error().message;
  ASSERT_EQ(in_one->entity_types.size(), 2u);
  EXPECT_EQ(in_one->entity_types[1].id, "LOC");
}

TEST(Schema, RefusesWrongShapes) {
  for (const char* json :
       {"[]", R"({"relation_types":{}})", R"({"relation_types":[5]})",
        R"({"relation_types":[{"name":"x"}]})",
        R"({"relation_types":[{"id":"x","symetric":true}]})",
        R"({"relation_types":[{"id":"x","symmetric":"maybe"}]})",
        R"({"relation_types":[{"id":"x","example":"no"}]})",
        R"({"relation_types":[{"id":"x","example":{"txt":"no"}}]})", R"({"entity_types":[5]})",
        R"({"entity_types":[""]})", R"({"entity_types":[{"name":"x"}]})",
        R"({"event_types":[{"roles":[]}]})", R"({"event_types":[{"id":"x","roles":5}]})",
        R"({"event_types":[{"id":"x","roles":[{"id":"y","type":"z"}]}]})", R"({"relations":[]})"}) {
    const auto schema = schema_from_json(Json::parse(json), "s.json");
    ASSERT_FALSE(schema.ok()) << json;
    EXPECT_TRUE(schema.error().message.starts_with("s.json")) << schema.error().message;
    EXPECT_NE(schema.error().hint, "") << json;
  }
}

TEST(Schema, UnknownKeysSuggestTheNearest) {
  const auto schema =
      schema_from_json(Json::parse(R"({"relation_types":[{"id":"x","head_type":["PER"]}]})"), "s");
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().message, "s: relation_types[0]: unknown key 'head_type'");
  EXPECT_EQ(schema.error().hint, "did you mean 'head_types'?");
  EXPECT_EQ(schema.error().code, ErrorCode::kBadInput);
}

TEST(Schema, FindsAllProblems) {
  Schema schema = read_sample();
  schema.entity_types.push_back({"PER", "PER", ""});
  schema.relation_types[0].inverse = "owns";
  schema.relation_types[0].tail_types = {"PERS", "LOC", "LOC"};
  schema.relation_types[1].description = "";
  schema.relation_types[1].example->tail = "ship";
  schema.relation_types[2].inverse = "own";
  schema.relation_types[2].name = "met";
  schema.relation_types[2].example.reset();
  schema.relation_types[3].symmetric = true;
  schema.relation_types.push_back(schema.relation_types[3]);
  schema.event_types[0].roles.push_back(schema.event_types[0].roles[0]);
  schema.event_types[0].roles[1].types = {"place"};
  EXPECT_EQ(
      lines(validate_schema(schema)),
      (std::vector<std::string>{
          "entity_types[2] \"PER\": this id is listed twice",
          "warning: entity_types[2] \"PER\": no description",
          "relation_types[2] \"owned_by\": the name \"met\" is that of \"met\" as well",
          "relation_types[0] \"met\": tail_types names the unknown entity type \"PERS\"; did "
          "you mean \"PER\"?",
          "relation_types[0] \"met\": tail_types names \"LOC\" twice",
          "relation_types[0] \"met\": it is symmetric and has another inverse, \"owns\"",
          "relation_types[0] \"met\": the inverse \"owns\" does not name it as its own "
          "inverse",
          "warning: relation_types[0] \"met\": it is symmetric, but head_types and tail_types "
          "have nothing in common",
          "warning: relation_types[1] \"owns\": no description",
          "relation_types[1] \"owns\": the inverse \"owned_by\" does not name it as its own "
          "inverse",
          "relation_types[1] \"owns\": the example's tail \"ship\" does not occur in its text",
          "relation_types[2] \"owned_by\": the inverse \"own\" is not a relation type; did you "
          "mean \"owns\"?",
          "warning: relation_types[2] \"owned_by\": no example",
          "relation_types[3] \"unknown\": a negative type is neither symmetric nor has it an "
          "inverse",
          "relation_types[4] \"unknown\": this id is listed twice",
          "relation_types[4] \"unknown\": a negative type is neither symmetric nor has it an "
          "inverse",
          "event_types[0] \"trip\".roles[1] \"to\": types names the unknown entity type "
          "\"place\"",
          "event_types[0] \"trip\".roles[2] \"who\": this role is listed twice",
      }));
}

TEST(Schema, AnEmptySchemaAndInversesOfOtherTypesAreProblems) {
  EXPECT_EQ(lines(validate_schema({})),
            std::vector<std::string>{"schema: there are no entity, relation or event types"});
  Schema schema = read_sample();
  schema.relation_types[1].head_types = {"PER"};
  schema.relation_types[2].tail_types = {"LOC"};
  const std::vector<SchemaProblem> problems = validate_schema(schema);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_TRUE(problems[0].is_warning);
  EXPECT_NE(problems[0].message.find("turned round"), std::string::npos);
}

TEST(Schema, AnInverseMayBeImpliedOneWay) {
  Schema schema = read_sample();
  const auto add = [&](const std::string& id, const std::string& implies) {
    RelationType& type = schema.relation_types.emplace_back(schema.relation_types[1]);
    type.id = type.name = id;
    type.inverse = "";
    type.implies_inverse = implies;
  };
  add("father", "child");
  add("mother", "child");
  add("child", "");
  EXPECT_EQ(lines(validate_schema(schema)), std::vector<std::string>{});
  const auto again = schema_from_json(schema_to_json(schema), "again");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->relation_types[4].implies_inverse, "child");
  EXPECT_EQ(schema_to_json(*again), schema_to_json(schema));
  EXPECT_EQ(schema.relation_types[4].turned_round(), std::vector<std::string>{"child"});
  EXPECT_EQ(schema.relation_types[6].turned_round(), std::vector<std::string>{});
  EXPECT_EQ(schema.relation_types[0].turned_round(), std::vector<std::string>{"met"});
  schema.relation_types[1].implies_inverse = "father";  // beside an inverse of its own
  EXPECT_EQ(schema.relation_types[1].turned_round(),
            (std::vector<std::string>{"owned_by", "father"}));
  EXPECT_EQ(lines(validate_schema(schema)), std::vector<std::string>{});
}

TEST(Schema, ImpliedInversesAreChecked) {
  const auto problems = [](size_t index, const std::string& implies) {
    Schema schema = read_sample();
    schema.relation_types[index].implies_inverse = implies;
    std::vector<std::string> out = lines(validate_schema(schema));
    EXPECT_EQ(out.size(), 1u) << implies;
    return out.empty() ? "" : out[0].substr(out[0].find(": ") + 2);
  };
  EXPECT_EQ(problems(1, "mett"),
            "the implied inverse \"mett\" is not a relation type; did you mean \"met\"?");
  EXPECT_EQ(problems(1, "owns"),
            "it implies itself turned round: write \"symmetric\": true instead");
  EXPECT_EQ(problems(1, "owned_by"),
            "inverse and implies_inverse both name \"owned_by\": leave implies_inverse out");
  EXPECT_EQ(problems(1, "unknown"), "the implied inverse \"unknown\" is a negative type");
  EXPECT_EQ(problems(3, "met"), "a negative type is neither symmetric nor has it an inverse");
  Schema schema = read_sample();
  schema.relation_types[1].inverse = schema.relation_types[2].inverse = "";
  schema.relation_types[1].implies_inverse = "owned_by";
  schema.relation_types[2].implies_inverse = "owns";
  EXPECT_EQ(lines(validate_schema(schema)),
            (std::vector<std::string>{
                "relation_types[1] \"owns\": it and \"owned_by\" imply each other: write "
                "\"inverse\" in both instead",
                "relation_types[2] \"owned_by\": it and \"owns\" imply each other: write "
                "\"inverse\" in both instead"}));
  schema.relation_types[2].implies_inverse = "";
  schema.relation_types[1].head_types = {"PER"};
  schema.relation_types[2].tail_types = {"LOC"};
  EXPECT_EQ(
      lines(validate_schema(schema)),
      std::vector<std::string>{"warning: relation_types[1] \"owns\": head_types and tail_types "
                               "do not fit those of the implied inverse \"owned_by\" turned "
                               "round"});
}

TEST(Schema, CheckingGoesOnAfterTheFirstProblem) {
  const TempFolder folder;
  const std::string path = folder / "s.json";
  ASSERT_TRUE(write_file_atomic(path, R"({"entity_types": ["PER", 5], "relaton_types": [],
    "relation_types": [{"id": "a", "symetric": true, "description": "d", "tail_types": ["ORG"]},
                       {"name": "b"}, 7]})")
                  .ok());
  const auto checked = check_schema(path);
  ASSERT_TRUE(checked.ok()) << checked.error().message;
  EXPECT_EQ(lines(checked->problems),
            (std::vector<std::string>{
                "schema: unknown key 'relaton_types'; did you mean 'relation_types'?",
                "entity_types[1]: not an object; write {\"id\": ..., \"description\": ...}",
                "relation_types[0]: unknown key 'symetric'; did you mean 'symmetric'?",
                "relation_types[1]: no id; give each type the label that the data uses",
                "relation_types[2]: not an object; write {\"id\": ..., \"description\": ...}",
                "warning: entity_types[0] \"PER\": no description",
                "relation_types[0] \"a\": tail_types names the unknown entity type \"ORG\"",
                "warning: relation_types[0] \"a\": no example",
            }));
  ASSERT_TRUE(write_file_atomic(path, "{\"entity_types\": [").ok());
  EXPECT_FALSE(check_schema(path).ok());
}

TEST(Schema, IsFoundByPathFolderOrName) {
  const TempFolder folder;
  const std::string shipped = folder / "shipped";
  const std::string own = folder / "own.json";
  const std::string extractor = folder / "extractor";
  for (const std::string& path : {shipped + "/finre.json", shipped + "/sanwen.json",
                                  shipped + "/notes.txt", own, extractor + "/schema.json"}) {
    ASSERT_TRUE(write_file_atomic(path, "{}").ok());
  }
  EXPECT_EQ(shipped_schemas(shipped), (std::vector<std::string>{"finre", "sanwen"}));
  EXPECT_EQ(shipped_schemas(folder / "nothing"), std::vector<std::string>{});
  EXPECT_EQ(find_schema_file("finre", shipped).value(), shipped + "/finre.json");
  EXPECT_EQ(find_schema_file(own, shipped).value(), own);
  EXPECT_EQ(find_schema_file(extractor, shipped).value(), extractor + "/schema.json");
  EXPECT_EQ(find_schema_file("-", shipped).value(), "-");
  const auto wrong = find_schema_file("finer", shipped);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().hint, "did you mean 'finre'?");
  EXPECT_FALSE(find_schema_file("notes", shipped).ok());
  EXPECT_FALSE(find_schema_file("../own", shipped).ok());
}

TEST(Schema, ShippedOnesHaveNoProblemsAndCanonicalText) {
  const std::vector<std::string> names = shipped_schemas(kShipped);
  EXPECT_GE(names.size(), 40u);
  for (const std::string& name : names) {
    const std::string path = kShipped + name + ".json";
    const auto checked = check_schema(path);
    ASSERT_TRUE(checked.ok()) << checked.error().message;
    EXPECT_EQ(lines(checked->problems), std::vector<std::string>{}) << name;
    EXPECT_NE(checked->schema.description, "") << name;
    EXPECT_EQ(read_file(path).value(), schema_to_json(checked->schema).dump(2) + "\n") << name;
  }
}

TEST(Schema, IsInferredInOrderOfFrequency) {
  const auto dataset = read_dataset(RELATA_TEST_FILES "/data/pairs.txt", {});
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const Schema schema = infer_schema(dataset->documents);
  ASSERT_EQ(schema.relation_types.size(), 4u);
  EXPECT_EQ(schema.relation_types[0].id, "unknown");
  EXPECT_TRUE(schema.relation_types[0].negative);
  EXPECT_EQ(schema.relation_types[1].id, "师生");
  EXPECT_FALSE(schema.relation_types[1].negative);
}

TEST(Schema, NamesForNoRelationAreInferredAsNegative) {
  Document document;
  document.text = "a b";
  document.entities = {{"e0", "a", "", {{0, 1}}, {}}, {"e1", "b", "", {{2, 3}}, {}}};
  for (const char* type : {"unknown", "no_relation", "NA", "Other", "NR", "None", "other"}) {
    document.relations.push_back({0, 1, type, std::nullopt, {}});
    EXPECT_EQ(is_negative_name(type), type != std::string("other"));
  }
  for (const RelationType& type : infer_schema({document}).relation_types) {
    EXPECT_EQ(type.negative, type.id != "other") << type.id;
  }
}

// A schema has the last word of the labels that it has; of others the name says what they are.
TEST(Schema, NegativeLabelsBySchemaThenByName) {
  Schema schema;
  schema.relation_types.resize(2);
  schema.relation_types[0].id = "Other";  // a relation here
  schema.relation_types[1].id = "none of these";
  schema.relation_types[1].negative = true;
  EXPECT_FALSE(schema.is_negative("Other"));
  EXPECT_TRUE(schema.is_negative("none of these"));
  EXPECT_TRUE(schema.is_negative("no_relation"));
  EXPECT_FALSE(schema.is_negative("owns"));
}

TEST(Schema, EventTypesAreInferredWithTheirRoles) {
  Document document;
  document.text = "a b c";
  document.events = {{"ev0", "x", {0, 1}, {{"r", {2, 3}}, {"q", {4, 5}}}},
                     {"ev1", "y", {0, 1}, {}},
                     {"ev2", "y", {2, 3}, {}},
                     {"ev3", "", {2, 3}, {}}};
  const Schema schema = infer_schema({document});
  ASSERT_EQ(schema.event_types.size(), 2u);
  EXPECT_EQ(schema.event_types[0].id, "y");
  ASSERT_EQ(schema.event_types[1].roles.size(), 2u);
  EXPECT_EQ(schema.event_types[1].roles[0].id, "r");
}

TEST(Schema, RecipesAreSoundAndCoverTheirData) {
  struct Case {
    std::string folder;
    std::vector<std::string> files;
    size_t types;
  };
  for (const Case& recipe : {Case{"finre", {"train.txt", "valid.txt", "test.txt"}, 44},
                             Case{"sanwen", {"fit.txt", "dev.txt", "valid.txt"}, 10},
                             Case{"fewrel", {"train.json", "dev.json", "test.json"}, 16}}) {
    const std::string folder = RELATA_TEST_FILES "/../../recipes/data/" + recipe.folder + "/";
    const auto schema = read_schema(folder + "schema.json");
    ASSERT_TRUE(schema.ok()) << schema.error().message;
    EXPECT_EQ(schema->relation_types.size(), recipe.types);
    // Recipes stand alone, and there is one wording of each schema.
    EXPECT_EQ(read_file(folder + "schema.json").value(),
              read_file(kShipped + recipe.folder + ".json").value())
        << "copy schemas/" << recipe.folder << ".json to " << folder << "schema.json";
    for (const std::string& file : recipe.files) {
      const auto dataset = read_dataset(folder + file, {});
      ASSERT_TRUE(dataset.ok()) << dataset.error().message;
      for (const RelationType& type : infer_schema(dataset->documents).relation_types) {
        EXPECT_NE(schema->find(type.id), -1) << folder << file << ": " << type.id;
      }
    }
  }
}

}  // namespace
}  // namespace relata::data
