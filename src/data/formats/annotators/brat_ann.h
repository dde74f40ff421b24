// One .ann file of the brat annotation tool, line by line.
// https://brat.nlplab.org/standoff.html
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "reading.h"

namespace relata::data {

struct BratSpan {  // T1<tab>Type 0 5;8 11<tab>text
  std::string_view id;
  std::string_view type;
  std::vector<std::pair<size_t, size_t>> pieces;  // code points
  std::string_view text;
  size_t line = 0;
};

struct BratArgument {
  std::string_view role;
  std::string_view target;
};

struct BratEvent {  // E1<tab>Type:T1 Role:T2
  std::string_view id;
  std::string_view type;
  std::string_view trigger;
  std::vector<BratArgument> arguments;
  size_t line = 0;
};

struct BratRelation {  // R1<tab>Type Arg1:T1 Arg2:T2
  std::string_view id;
  std::string_view type;
  BratArgument head;
  BratArgument tail;
  size_t line = 0;
};

struct BratEquivalence {                // *<tab>Equiv T1 T2
  std::vector<std::string_view> spans;  // of one entity
  size_t line = 0;
};

struct BratNote {  // A1, M1: name target [value]; N1, #1: name target<tab>text
  std::string_view id;
  std::string_view name;
  std::string_view target;
  std::string_view value;  // "" for an attribute that is only set
};

struct BratAnnotations {
  std::vector<BratSpan> spans;
  std::vector<BratEvent> events;
  std::vector<BratRelation> relations;
  std::vector<BratEquivalence> equivalent;
  std::vector<BratNote> attributes;
  std::vector<BratNote> normalizations;
  std::vector<BratNote> notes;
};

// Views point into the source. Lines that cannot be read are errors, or left out with on_error=fix.
Result<BratAnnotations> parse_brat(const Source& source, Intake& intake);

}  // namespace relata::data
