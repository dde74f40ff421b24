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
// The name of the member of `data` that is `text`, "" if none is.
std::string key_of_text(JsonView data, JsonView text);

// Tasks of several texts have a control for each, which regions name in "to_name". The name of the
// control of `text`, the member `key`; "" where regions do not name several. An export does not
// state which control shows which member: it has the member's name, or its regions fit best.
std::string find_control(std::string_view text, std::string_view key,
                         const std::vector<JsonView>& results);
// A region's "to_name", "" for one that states none and for what is no region.
std::string_view control_of_region(JsonView result);

}  // namespace relata::data
