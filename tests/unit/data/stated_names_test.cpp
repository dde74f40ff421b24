// A name and its offsets that say different things.
#include "stated_names.h"

#include <gtest/gtest.h>

namespace relata::data {
namespace {

Document document(const Entity& entity) {
  Document out;
  out.id = "d";
  out.text = "Élan met Ann Lee. Ann left, and she sang.";
  out.entities = {entity};
  return out;
}

Status check(Document& document, const std::string& on_error, Dataset& dataset) {
  ReadOptions options;
  options.on_error = on_error;
  Intake intake(options, dataset);
  return check_stated_names(document, "f:3", intake);
}

TEST(StatedNames, MayStandAnywhereAmongTheMentions) {
  Dataset dataset;
  for (const Entity& entity :
       {Entity{"e0", "Ann Lee", "", {{10, 17}}, {}},
        Entity{"e0", "Ann", "", {{10, 17}, {19, 22}, {33, 36}}, {}},
        Entity{"e0", "ann  lee", "", {{10, 17}}, {}}, Entity{"e0", "Ann", "", {{33, 36}}, {"Ann"}},
        Entity{"e0", "Anna", "", {}, {}},
        Entity{"e0", "Lee, Ann", "", {{10, 17}}, {}}}) {  // nowhere in the text
    Document own = document(entity);
    EXPECT_TRUE(check(own, "stop", dataset).ok()) << entity.text;
  }
  EXPECT_TRUE(dataset.fixed.empty());
}

TEST(StatedNames, ContradictionsAreErrorsOrMended) {
  const Entity off = {"e0", "Ann Lee", "", {{11, 18}}, {}};  // as if É were two
  Document own = document(off);
  Dataset dataset;
  const Status refused = check(own, "stop", dataset);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "f:3: entities[0]: offsets 10-17 hold \"nn Lee.\", not \"Ann Lee\"");
  EXPECT_NE(refused.error().hint.find("code points"), std::string::npos);
  ASSERT_TRUE(check(own, "fix", dataset).ok());
  EXPECT_EQ(own.entities[0].mentions, (std::vector<ByteRange>{{10, 17}}));
  ASSERT_EQ(dataset.fixed.size(), 1U);
  EXPECT_TRUE(dataset.fixed[0].ends_with("; they are now 9-16")) << dataset.fixed[0];
}

TEST(StatedNames, WhatCannotBeMendedIsAnError) {
  for (const Entity& entity :
       {Entity{"e0", "Ann", "", {{33, 36}, {34, 37}}, {}},     // both would move to one place
        Entity{"e0", "Ann", "", {{11, 14}, {33, 40}}, {}}}) {  // one is about something else
    Document own = document(entity);
    Dataset dataset;
    EXPECT_FALSE(check(own, "fix", dataset).ok()) << entity.text;
    EXPECT_TRUE(dataset.fixed.empty());
  }
}

}  // namespace
}  // namespace relata::data
