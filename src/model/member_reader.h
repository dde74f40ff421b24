// Typed members of a JSON object that another program wrote: unknown keys are expected, a null is
// a missing member, and the first member that is wrong is remembered.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "relata/base/json.h"

namespace relata::model {

class MemberReader {
 public:
  // `object` is borrowed, and must be a JSON object.
  MemberReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  // The member, or nullptr when it is missing or null.
  const Json* find(const std::string& key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  bool has(const std::string& key) const { return find(key) != nullptr; }
  bool contains(const std::string& key) const { return object_.contains(key); }

  int64_t integer(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    const auto number = whole_number(*value);
    if (!number || *number < low || *number > high) {
      fail(key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
      return fallback;
    }
    return *number;
  }
  int64_t required_integer(const std::string& key, int64_t low, int64_t high) {
    if (!has(key)) fail_with(where_ + ": \"" + key + "\" is missing");
    return integer(key, low, low, high);
  }
  double number(const std::string& key, double fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number() || !std::isfinite(value->get<double>())) {
      fail(key, "a number");
      return fallback;
    }
    return value->get<double>();
  }
  double positive(const std::string& key, double fallback) {
    const double value = number(key, fallback);
    if (has(key) && !(value > 0.0)) fail(key, "a number above 0");
    return value;
  }
  bool boolean(const std::string& key, bool fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) {
      fail(key, "true or false");
      return fallback;
    }
    return value->get<bool>();
  }
  std::string text(const std::string& key, const std::string& fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) {
      fail(key, "a string");
      return fallback;
    }
    return value->get<std::string>();
  }

  void fail(const std::string& key, const std::string& wanted) {
    const Json* value = find(key);
    std::string got =
        value == nullptr ? "null" : value->dump(-1, ' ', false, Json::error_handler_t::replace);
    if (got.size() > 60) got = got.substr(0, 57) + "...";
    fail_with(where_ + ": \"" + key + "\" must be " + wanted + ", not " + got);
  }
  void fail_with(std::string message, std::string hint = "") {
    if (!error_) error_ = input_error(std::move(message), std::move(hint));
  }
  const std::string& where() const { return where_; }
  const std::optional<Error>& error() const { return error_; }

  // Also of a number written with a fraction of zero ("8192.0").
  static std::optional<int64_t> whole_number(const Json& value) {
    if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) return {};
    if (value.is_number_integer()) return value.get<int64_t>();
    if (!value.is_number_float()) return {};
    const double number = value.get<double>();
    if (!(std::abs(number) < 9007199254740992.0) || number != std::floor(number)) return {};
    return static_cast<int64_t>(number);
  }

 private:
  const Json& object_;
  std::string where_;
  std::optional<Error> error_;
};

}  // namespace relata::model
