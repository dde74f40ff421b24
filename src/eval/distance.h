// How far head and tail are apart: words where words are written apart, characters elsewhere.
#pragma once

#include <string>
#include <vector>

#include "relata/data/document.h"
#include "relata/eval/report.h"

namespace relata::eval {

enum class DistanceUnit { kTokens, kCharacters };

// Characters when most documents hold Chinese or Japanese text.
DistanceUnit distance_unit(const std::vector<data::Document>& documents);
std::string unit_name(DistanceUnit unit);

// Between the nearest mentions; 0 when they touch or overlap, -1 when one has none.
int distance_between(const std::string& text, const std::vector<text::ByteRange>& head,
                     const std::vector<text::ByteRange>& tail, DistanceUnit unit);

// "0-5", "6-10", "11-20", "21-50", "51-100", "over 100", "unknown"; numbered in this order.
int distance_bucket(int distance);
const std::vector<std::string>& bucket_names();

// Adds "tokens between head and tail" of counts by bucket, unless no distance is known.
void add_distance_table(const std::string& unit, const std::string& between,
                        const std::vector<Counts>& buckets, std::vector<CountTable>& tables);

}  // namespace relata::eval
