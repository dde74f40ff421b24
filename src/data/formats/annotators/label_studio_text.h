// Which member of a Label Studio task's data is the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/json_records.h"

namespace relata::data {

// How a span's offsets count.
enum class SpanUnits { kNone, kCodePoints, kUtf16 };

// Code points are what Label Studio writes; before 2022 it wrote UTF-16 units, which differ behind
// characters outside the basic plane (emoji). The place in code points of a place in units.
size_t from_utf16(const std::u32string& text, size_t unit);

// Regions have their offsets in "value", or, in the short export, in themselves.
JsonView place_of_region(JsonView result);

// How many of the regions that state a text hold it where they say, in the units that fit best.
struct TextFit {
  size_t stated = 0;
  size_t fitting = 0;
  SpanUnits units = SpanUnits::kNone;
};
TextFit fit_regions(std::string_view text, const std::vector<JsonView>& results);

// The member of `data` in which the spans' texts stand; else the one named `usual`, "text", or the
// only one that is text. Absent if there is none of these.
JsonView find_task_text(JsonView data, const std::vector<JsonView>& results,
                        std::string_view usual);

}  // namespace relata::data
