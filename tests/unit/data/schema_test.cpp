#include "relata/data/schema.h"

#include <gtest/gtest.h>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

Schema read_sample() {
  auto schema = read_schema(RELATA_TEST_FILES "/data/schema.json");
  EXPECT_TRUE(schema.ok()) << schema.error().message;
  return schema.ok() ? *schema : Schema{};
}

TEST(Schema, ReadsAndWritesTheSame) {
  const Schema schema = read_sample();
  EXPECT_EQ(schema.find("owns"), 1);
  EXPECT_EQ(schema.find("nothing"), -1);
  EXPECT_EQ(schema.negative(), 3);
  EXPECT_TRUE(validate_schema(schema).empty());
  const auto again = schema_from_json(schema_to_json(schema), "again");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(schema_to_json(*again), schema_to_json(schema));
}

TEST(Schema, RefusesWrongShapes) {
  for (const char* json : {"[]", R"({"relation_types":{}})", R"({"relation_types":[5]})",
                           R"({"relation_types":[{"name":"x"}]})",
                           R"({"relation_types":[{"id":"x","symetric":true}]})",
                           R"({"relation_types":[{"id":"x","symmetric":"maybe"}]})"}) {
    const auto schema = schema_from_json(Json::parse(json), "s.json");
    ASSERT_FALSE(schema.ok()) << json;
    EXPECT_TRUE(schema.error().message.starts_with("s.json")) << schema.error().message;
  }
}

TEST(Schema, FindsAllProblems) {
  Schema schema = read_sample();
  schema.entity_types.push_back("PER");
  schema.relation_types[0].inverse = "owns";
  schema.relation_types[0].tail_types = {"ORG"};
  schema.relation_types[1].description = "";
  schema.relation_types[2].inverse = "had_by";
  schema.relation_types.push_back(schema.relation_types[3]);
  EXPECT_EQ(validate_schema(schema),
            (std::vector<std::string>{
                "the entity type \"PER\" is listed twice",
                "the relation type \"unknown\" is listed twice",
                "the relation type \"met\" has the inverse \"owns\", which does not name it as its "
                "own inverse",
                "the relation type \"met\" is symmetric and has another inverse",
                "the relation type \"met\" names the unknown entity type \"ORG\"",
                "the relation type \"owns\" has the inverse \"owned_by\", which does not name it "
                "as its own inverse",
                "warning: the relation type \"owns\" has no description",
                "the relation type \"owned_by\" has the unknown inverse \"had_by\"",
            }));
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
    EXPECT_EQ(validate_schema(*schema), std::vector<std::string>{});
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
