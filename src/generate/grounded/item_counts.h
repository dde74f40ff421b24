// Which texts a field of an item may be behind the fields before it, and in how many ways an item
// can go on.
//
// Without rules between fields that is one number a field. With them ways are counted text by text,
// but only where there are few: an answer has less than kMany items, so whether that many are left
// or more makes no difference to it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "grounded/shape_rules.h"
#include "grounded/text_tree.h"

namespace relata::generate {

class ItemCounts {
 public:
  static constexpr uint64_t kMany = 1 << 12;

  // `texts` are all texts of each field.
  ItemCounts(std::vector<FieldRules> fields, std::vector<std::shared_ptr<const TextTree>> texts);

  uint64_t items() const { return items_; }
  // Texts of `field` that may not stand behind `before`, the values of the fields before it, and
  // those from which an item cannot go on; sorted.
  std::vector<std::string> barred(size_t field, const std::vector<std::string>& before) const;
  // Ways to fill the fields after those with these values.
  uint64_t completions(const std::vector<std::string>& values) const;
  // The least that completions() may give behind `field`.
  uint64_t least_completions(size_t field) const { return least_[field + 1]; }

 private:
  std::vector<std::string> texts_of(size_t field, const std::vector<std::string>& before) const;
  uint64_t count_of(size_t field, const std::vector<std::string>& before) const;
  uint64_t least_count_of(size_t field) const;

  std::vector<FieldRules> fields_;  // choices sorted
  std::vector<std::shared_ptr<const TextTree>> texts_;
  // Of the fields from each on, one entry more than fields: ways to fill them whatever the values
  // before are, the least there may be, and whether a rule is among them.
  std::vector<uint64_t> plain_;
  std::vector<uint64_t> least_;
  std::vector<bool> has_rules_;
  std::map<std::string, uint64_t> behind_first_;  // completions by the first field's value
  uint64_t items_ = 0;
};

}  // namespace relata::generate
