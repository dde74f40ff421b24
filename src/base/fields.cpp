#include "relata/base/fields.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "clean.h"
#include "relata/base/trim.h"

namespace relata {
namespace {

// JSON has no word for these; YAML does.
const char* endless_name(const Json& value) {
  if (!value.is_number_float() || std::isfinite(value.get<double>())) return nullptr;
  const auto number = value.get<double>();
  if (std::isnan(number)) return ".nan";
  return number > 0 ? ".inf" : "-.inf";
}

std::string shown(const Json& value) {
  if (const char* name = endless_name(value)) return name;
  return internal::clean_text(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

std::optional<int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) {  // people write 1e4 for a number of steps
    const auto number = value.get<double>();
    if (number == std::floor(number) && std::abs(number) < 0x1p63) {
      return static_cast<int64_t>(number);
    }
  }
  return std::nullopt;
}

std::optional<std::string> as_string(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (const char* name = endless_name(value)) return name;
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  const auto nearest = nearest_name(name, candidates);
  return nearest ? "did you mean '" + *nearest + "'?" : "";
}

constexpr size_t kMostNamed = 20;

std::string quoted_list(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    out += (i == 0 ? "'" : ", '") + internal::clean_text(names[i], 100) + "'";
  }
  if (names.size() > kMostNamed) {
    out += " and " + std::to_string(names.size() - kMostNamed) + " more";
  }
  return out;
}

// Of several unknown names, those that look like a known one.
std::string suggestions(const std::vector<std::string>& names,
                        const std::vector<std::string>& candidates) {
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    const auto nearest = nearest_name(names[i], candidates);
    if (!nearest) continue;
    out += (out.empty() ? "did you mean '" : ", '") + *nearest + "' for '" +
           internal::clean_text(names[i], 100) + "'";
  }
  return out.empty() ? out : out + "?";
}

// Case and the choice between '-' and '_' are not worth an edit.
std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// Insertions, deletions, substitutions and swaps of neighbours.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

// A limit as people write it: 4096, 0.5, 1e-30.
std::string limit_text(double limit) {
  if (limit == std::floor(limit) && std::abs(limit) <= 0x1p53) {
    return std::to_string(static_cast<int64_t>(limit));
  }
  return Json(limit).dump();
}

}  // namespace

bool NumberRange::holds(double number) const {
  if (!std::isfinite(number)) return false;
  return (without_low ? number > low : number >= low) &&
         (without_high ? number < high : number <= high);
}

std::string NumberRange::text() const {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (has_low && has_high && !without_low && !without_high) {
    return "from " + limit_text(low) + " to " + limit_text(high);
  }
  std::string text;
  if (has_low) text = (without_low ? "above " : "of at least ") + limit_text(low);
  if (has_low && has_high) text += " and ";
  if (has_high)
    text += (without_high ? "below " : has_low ? "at most " : "of at most ") + limit_text(high);
  return text;
}

Fields::Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object.is_object() && !object.is_null()) {
    error_ = usage_error(where_ + ": named fields wanted, not " + shown(object));
  }
}

const Json* Fields::find(const std::string& key) {
  known_.push_back(key);
  if (!object_.is_object()) return nullptr;
  const Json* found = nullptr;
  std::string found_key;
  auto consider = [&](const std::string& name) {
    const auto it = object_.find(name);
    if (it == object_.end() || it->is_null()) return;
    if (found != nullptr && !error_) {
      error_ = usage_error(where_ + ": '" + name + "' and '" + found_key + "' are the same setting",
                           "keep only '" + key + "'");
    }
    if (found == nullptr) {
      found = &*it;
      found_key = name;
    }
  };
  consider(key);
  for (const auto& [old_key, new_key] : aliases_) {
    if (new_key == key) consider(old_key);
  }
  return found;
}

void Fields::fail(const std::string& key, const std::string& wanted, const Json& got) {
  if (error_) return;
  error_ = usage_error(where_ + ": '" + key + "' must be " + wanted + ", not " + shown(got));
}

void Fields::get(const std::string& key, bool& out) {
  const Json* value = find(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return fail(key, "true or false", *value);
  out = value->get<bool>();
}

void Fields::get(const std::string& key, int& out) { get(key, out, {}); }

void Fields::get(const std::string& key, int64_t& out) { get(key, out, {}); }

void Fields::get(const std::string& key, double& out) { get(key, out, {}); }

std::optional<int64_t> Fields::integer(const std::string& key, const NumberRange& range) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = as_integer(*value);
  if (number && range.holds(static_cast<double>(*number))) return number;
  const std::string limits = range.text();
  fail(key, limits.empty() ? "an integer" : "an integer " + limits, *value);
  return std::nullopt;
}

void Fields::get(const std::string& key, int& out, const NumberRange& range) {
  const auto number = integer(key, range);
  if (!number) return;
  if (*number < std::numeric_limits<int>::min() || *number > std::numeric_limits<int>::max()) {
    return fail(key, "an integer of at most 32 bits", Json(*number));
  }
  out = static_cast<int>(*number);
}

void Fields::get(const std::string& key, int64_t& out, const NumberRange& range) {
  if (const auto number = integer(key, range)) out = *number;
}

void Fields::get(const std::string& key, double& out, const NumberRange& range) {
  const Json* value = find(key);
  if (value == nullptr) return;
  if (value->is_number() && range.holds(value->get<double>())) {
    out = value->get<double>();
    return;
  }
  const std::string limits = range.text();
  const bool endless = endless_name(*value) != nullptr;
  fail(key,
       endless          ? "a finite number"
       : limits.empty() ? "a number"
                        : "a number " + limits,
       *value);
}

void Fields::get(const std::string& key, std::string& out) {
  const Json* value = find(key);
  if (value == nullptr) return;
  auto text = as_string(*value);
  if (!text) return fail(key, "a string", *value);
  out = std::move(*text);
}

void Fields::get(const std::string& key, std::vector<std::string>& out) {
  const Json* value = find(key);
  if (value == nullptr) return;
  std::vector<std::string> items;
  if (value->is_array()) {
    for (const Json& item : *value) {
      auto text = as_string(item);
      if (!text) return fail(key, "a list of strings", *value);
      items.push_back(std::move(*text));
    }
  } else {
    const auto text = as_string(*value);
    if (!text) return fail(key, "a list of strings", *value);
    std::string_view rest = *text;
    while (true) {
      const size_t comma = rest.find(',');
      const std::string_view item = trimmed(rest.substr(0, comma));
      if (!item.empty()) items.emplace_back(item);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  out = std::move(items);
}

void Fields::get(const std::string& key, Json& out) {
  if (const Json* value = find(key)) out = *value;
}

void Fields::get_choice(const std::string& key, std::string& out,
                        const std::vector<std::string>& allowed) {
  const Json* value = find(key);
  if (value == nullptr) return;
  auto text = as_string(*value);
  if (!text || std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
    fail(key, "one of " + joined(allowed), *value);
    if (text && error_ && error_->hint.empty()) error_->hint = suggestion(*text, allowed);
    return;
  }
  out = std::move(*text);
}

void Fields::alias(const std::string& old_key, const std::string& key) { aliases_[old_key] = key; }

void Fields::ignore(const std::string& key) { known_.push_back(key); }

bool Fields::has(const std::string& key) const {
  auto given = [&](const std::string& name) {
    const auto it = object_.find(name);
    return it != object_.end() && !it->is_null();
  };
  if (!object_.is_object()) return false;
  return given(key) || std::any_of(aliases_.begin(), aliases_.end(), [&](const auto& entry) {
           return entry.second == key && given(entry.first);
         });
}

Status Fields::finish() {
  if (error_) return *error_;
  if (!object_.is_object()) return {};
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object_.items()) {
    if (aliases_.contains(key)) continue;
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) unknown.push_back(key);
  }
  if (unknown.empty()) return {};
  if (unknown.size() == 1) {
    return usage_error(where_ + ": unknown key '" + internal::clean_text(unknown[0], 100) + "'",
                       suggestion(unknown[0], known_));
  }
  return usage_error(where_ + ": unknown keys " + quoted_list(unknown),
                     suggestions(unknown, known_));
}

std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& candidates) {
  const std::string wanted = folded(name);
  const size_t limit = std::max<size_t>(1, wanted.size() / 3);
  std::optional<std::string> best;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const size_t longer = std::max(candidate.size(), wanted.size());
    if (longer - std::min(candidate.size(), wanted.size()) > limit) continue;
    const size_t distance = edit_distance(wanted, folded(candidate));
    // Two short names that differ in half their letters are simply different names.
    if (distance >= best_distance || 2 * distance >= longer) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

}  // namespace relata
