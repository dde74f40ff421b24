#include "relata/retrieve/partitions.h"

#include <gtest/gtest.h>

namespace relata::retrieve {
namespace {

TEST(Partitions, NamesAreReadAsTheyWereWritten) {
  const PartitionParts plain = {{"task", "ner"}, {"owner", "ann"}};
  EXPECT_EQ(partition_name(plain), "task=ner,owner=ann");
  for (const PartitionParts& parts :
       {plain, PartitionParts{{"a", ""}}, PartitionParts{{"a,b", "c=d"}, {"e\\", ",,"}},
        PartitionParts{{"", ""}, {"ключ", "\\=,"}}}) {
    EXPECT_EQ(partition_parts(partition_name(parts)), parts) << partition_name(parts);
  }
  // No two tuples have one name.
  EXPECT_NE(partition_name({{"a", "1,b=2"}}), partition_name({{"a", "1"}, {"b", "2"}}));
}

TEST(Partitions, WhatPeopleType) {
  EXPECT_EQ(partition_parts("owner=a=b"), (PartitionParts{{"owner", "a=b"}}));
  EXPECT_EQ(partition_parts("a=1\\"), (PartitionParts{{"a", "1\\"}}));
  for (const char* name : {"", "ann", "a=1,b", "a=1,"}) EXPECT_FALSE(partition_parts(name)) << name;
}

}  // namespace
}  // namespace relata::retrieve
