#include "relata/eval/negatives.h"

#include <algorithm>

namespace relata::eval {

NegativeLabels::NegativeLabels(const data::Schema& schema, bool by_name) : by_name_(by_name) {
  for (const data::RelationType& type : schema.relation_types) {
    if (type.negative) add(type.id);
  }
}

void NegativeLabels::add(const std::string& label) {
  if (label.empty() || std::find(stated_.begin(), stated_.end(), label) != stated_.end()) return;
  stated_.push_back(label);
}

bool NegativeLabels::contains(std::string_view label) const {
  return std::find(stated_.begin(), stated_.end(), label) != stated_.end() ||
         (by_name_ && data::is_negative_name(label));
}

NegativeLabels NegativeLabels::without_names() const {
  NegativeLabels out = *this;
  out.by_name_ = false;
  return out;
}

}  // namespace relata::eval
