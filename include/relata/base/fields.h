// Reads named fields out of a JSON object into typed variables; finish() reports every unknown key
// with the nearest known one. One reader per configuration struct:
//
//   Fields fields(json, "recipes/finre.yaml");
//   fields.get("learning_rate", config.learning_rate);
//   fields.get("lora_target", config.lora_target);
//   RELATA_CHECK(fields.finish());
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"

namespace relata {

// The numbers that a field may have; not-a-number and the infinities never are.
struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool without_low = false;  // only above `low`
  bool without_high = false;
  bool holds(double number) const;
  std::string text() const;  // after a noun: "from 0 to 1", "above 0", "of at least 0 and below 1"
  static NumberRange at_least(double low) { return {low, kEndless, false, false}; }
  static NumberRange between(double low, double high) { return {low, high, false, false}; }
  static NumberRange below(double low, double high) { return {low, high, false, true}; }
  static NumberRange above(double low, double high = kEndless) { return {low, high, true, false}; }

 private:
  static constexpr double kEndless = std::numeric_limits<double>::infinity();
};

class Fields {
 public:
  Fields(const Json& object, std::string where);  // `object` is borrowed until finish()

  // A missing or null field leaves `out` as it is. A wrong type is remembered for finish().
  void get(const std::string& key, bool& out);
  void get(const std::string& key, int& out);
  void get(const std::string& key, int64_t& out);
  void get(const std::string& key, double& out);       // accepts integers, and finite numbers only
  void get(const std::string& key, std::string& out);  // accepts numbers, as written
  void get(const std::string& key, std::vector<std::string>& out);  // a string is split at commas
  void get(const std::string& key, Json& out);
  // Like get() for a number that must be within `range`.
  void get(const std::string& key, int& out, const NumberRange& range);
  void get(const std::string& key, int64_t& out, const NumberRange& range);
  void get(const std::string& key, double& out, const NumberRange& range);
  // Like get() for a string that must be one of `allowed`.
  void get_choice(const std::string& key, std::string& out,
                  const std::vector<std::string>& allowed);
  void alias(const std::string& old_key, const std::string& key);  // before get(key)
  void ignore(const std::string& key);                             // known, read elsewhere
  bool has(const std::string& key) const;

  Status finish();  // the first problem found, as a usage error

 private:
  const Json* find(const std::string& key);
  std::optional<int64_t> integer(const std::string& key, const NumberRange& range);
  void fail(const std::string& key, const std::string& wanted, const Json& got);
  const Json& object_;
  std::string where_;
  std::vector<std::string> known_;
  std::map<std::string, std::string> aliases_;
  std::optional<Error> error_;
};

// The candidate with the smallest edit distance, if it is near enough to be a likely typo.
std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& candidates);

}  // namespace relata
