// The labels that state that no relation holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/data/schema.h"

namespace relata::eval {

class NegativeLabels {
 public:
  NegativeLabels() = default;
  NegativeLabels(const std::string& label) { add(label); }  // one; "" is none
  NegativeLabels(const char* label) : NegativeLabels(std::string(label)) {}
  // The schema's. With `by_name` also what data sets call so (data::is_negative_name()): of a
  // schema that was guessed from gold, which need not state what a system answers.
  NegativeLabels(const data::Schema& schema, bool by_name);

  void add(const std::string& label);
  bool contains(std::string_view label) const;
  const std::vector<std::string>& stated() const { return stated_; }  // without those by name
  NegativeLabels without_names() const;                               // these alone

 private:
  std::vector<std::string> stated_;
  bool by_name_ = false;
};

}  // namespace relata::eval
