// Typed members of a JSON object that another program wrote: unknown keys are expected, a null is
// a missing member, and the first problem found is kept. Settings that people write are read by
// Fields (fields.h), which refuses what it does not know.
#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "relata/base/json.h"

namespace relata {

// `J`: relata::Json, or nlohmann::json where objects are large, whose look-up is not linear.
template <class J>
class BasicMemberReader {
 public:
  // `object` is borrowed. Anything but an object is the first problem, and has no members.
  BasicMemberReader(const J& object, std::string where)
      : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) fail("an object is wanted");
  }

  // The member, or nullptr when it is missing or null.
  const J* find(const std::string& key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  bool has(const std::string& key) const { return find(key) != nullptr; }
  bool contains(const std::string& key) const { return object_.contains(key); }  // a null too

  // The fallback when the member is missing, null or wrong.
  int64_t integer(const std::string& key, int64_t fallback, int64_t low = INT64_MIN,
                  int64_t high = INT64_MAX) {
    const J* value = find(key);
    if (value == nullptr) return fallback;
    const auto number = whole_number(*value);
    if (number && *number >= low && *number <= high) return *number;
    const bool any = low == INT64_MIN && high == INT64_MAX;
    refuse(key, any ? "an integer"
                    : "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return fallback;
  }
  int64_t required_integer(const std::string& key, int64_t low, int64_t high) {
    if (!has(key)) fail(quoted(key) + " is missing");
    return integer(key, low, low, high);
  }
  double number(const std::string& key, double fallback) {
    const J* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_number() && std::isfinite(value->template get<double>())) {
      return value->template get<double>();
    }
    refuse(key, "a number");
    return fallback;
  }
  double positive(const std::string& key, double fallback) {
    const double value = number(key, fallback);
    if (has(key) && !(value > 0.0)) refuse(key, "a number above 0");
    return value;
  }
  std::optional<bool> optional_boolean(const std::string& key) {
    const J* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_boolean()) return value->template get<bool>();
    refuse(key, "true or false");
    return std::nullopt;
  }
  bool boolean(const std::string& key, bool fallback) {
    return optional_boolean(key).value_or(fallback);
  }
  std::string string(const std::string& key, const std::string& fallback) {
    const J* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_string()) return value->template get<std::string>();
    refuse(key, "a string");
    return fallback;
  }
  // An empty value of the kind when the member is missing, null or wrong.
  const J& object(const std::string& key) {
    static const J kEmpty = J::object();
    const J* value = find(key);
    if (value == nullptr) return kEmpty;
    if (value->is_object()) return *value;
    refuse(key, "an object");
    return kEmpty;
  }
  const J& array(const std::string& key) {
    static const J kEmpty = J::array();
    const J* value = find(key);
    if (value == nullptr) return kEmpty;
    if (value->is_array()) return *value;
    refuse(key, "an array");
    return kEmpty;
  }

  void refuse(const std::string& key, const std::string& wanted) {
    const J* value = find(key);
    std::string got =
        value == nullptr ? "null" : value->dump(-1, ' ', false, J::error_handler_t::replace);
    if (got.size() > 60) got = got.substr(0, 57) + "...";
    fail(quoted(key) + " must be " + wanted + ", not " + got);
  }
  void fail(const std::string& problem, const std::string& hint = "") {
    if (!error_) error_ = input_error(where_ + ": " + problem, hint);
  }
  // The problem of a reader of one of the members.
  void keep(const std::optional<Error>& error) {
    if (!error_) error_ = error;
  }
  const std::string& where() const { return where_; }
  const std::optional<Error>& error() const { return error_; }
  Status status() const { return error_ ? Status(*error_) : Status(); }

  static std::string quoted(const std::string& key) { return "\"" + key + "\""; }
  // Also of a number written with a fraction of zero ("8192.0").
  static std::optional<int64_t> whole_number(const J& value) {
    if (value.is_number_unsigned() && value.template get<uint64_t>() > uint64_t{INT64_MAX}) {
      return {};
    }
    if (value.is_number_integer()) return value.template get<int64_t>();
    if (!value.is_number_float()) return {};
    const auto number = value.template get<double>();
    if (!(std::abs(number) < 9007199254740992.0) || number != std::floor(number)) return {};
    return static_cast<int64_t>(number);
  }

 private:
  const J& object_;
  std::string where_;
  std::optional<Error> error_;
};

using MemberReader = BasicMemberReader<Json>;

}  // namespace relata
