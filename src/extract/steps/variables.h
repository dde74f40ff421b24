// The variables of a fact, as bits.
#pragma once

#include <string>
#include <vector>

#include "pair/template_parts.h"
#include "relata/extract/pipeline.h"

namespace relata::extract {

using Variables = unsigned;
constexpr Variables kRelation = 1;
constexpr Variables kHead = 2;
constexpr Variables kTail = 4;
constexpr Variables kRelationList = 8;  // all relations found so far, as one value
constexpr Variables kFact = kRelation | kHead | kTail;

Variables variable_named(const std::string& name);  // 0 for another name
// What a step is for, and what the items of its answers give; of a spec that was checked.
Variables inputs_of(const StepTemplate& step);
Variables outputs_of(const StepTemplate& step);
// The parts of an item of the step's answers.
std::vector<TemplatePart> item_parts(const StepTemplate& step);

}  // namespace relata::extract
